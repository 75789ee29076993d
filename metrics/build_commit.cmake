# cmake -DSOURCE=... -DOUT=... -P build_commit.cmake: writes the commit that is being built into a
# header. Runs at every build and leaves an unchanged header alone, so that nothing is compiled again.
cmake_minimum_required(VERSION 3.25)
find_program(GIT git)
set(commit unknown)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --show-prefix --short=12 HEAD
                  OUTPUT_VARIABLE answer RESULT_VARIABLE failed ERROR_QUIET)
  # Two lines: where SOURCE lies in the work tree (empty: it is the root), and the commit. Sources
  # unpacked inside somebody else's repository are not of its commit.
  if(NOT failed AND answer MATCHES "^\n([0-9a-f]+)\n")
    set(commit ${CMAKE_MATCH_1})
    execute_process(COMMAND ${GIT} --no-optional-locks -C ${SOURCE} status --porcelain --untracked-files=no
                    OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
      string(APPEND commit -dirty)
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define PENNYWEIGHT_COMMIT \"${commit}\"\n")
