// What a person reads on stderr, and the little that commands share to print on stdout.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight {

// At most some 4000 bytes: a model file's names may be megabytes.
std::string shortened(std::string_view text);
// error: what / why: / fix: on stderr, secrets taken out.
void print_error(const Error& error);
// One line on stderr: "note: ...".
void print_note(std::string_view text);

// Left-aligned columns with two blanks between them, by display width, on stdout. The first row is
// the header. `right` lists columns that hold numbers.
void print_columns(const std::vector<std::vector<std::string>>& rows,
                   const std::vector<std::size_t>& right = {});

// Results go to stdout, whole; a closed pipe ends the program quietly as any filter does.
void print_text(std::string_view text);
// errno of the first print_text that failed; 0 when all went through.
int stdout_error();

bool stdout_is_terminal();
bool stderr_is_terminal();
// flag > NO_COLOR > CLICOLOR_FORCE/FORCE_COLOR > terminal; an empty variable counts as unset.
bool want_colour();
int terminal_columns();  // 100 where it is not a terminal

}  // namespace pennyweight
