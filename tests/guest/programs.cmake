# SPDX-License-Identifier: GPL-2.0-or-later
#
# The program that runs the guest's cases.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.c)
set(demo ${PROJECT_SOURCE_DIR}/userlib/demo)
find_package(Threads REQUIRED)
add_executable(secmmu_guest_tests ${sources} ${demo}/guest.c)
target_include_directories(secmmu_guest_tests PRIVATE
  ${CMAKE_CURRENT_LIST_DIR} ${demo})
target_link_libraries(secmmu_guest_tests PRIVATE secmmu_static Threads::Threads)
target_link_options(secmmu_guest_tests PRIVATE -static)
