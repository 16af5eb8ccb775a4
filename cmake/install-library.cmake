# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What is installed of libsecmmu, and where:
#
#   LIBDIR       libsecmmu.so.1 (component runtime); libsecmmu.so, libsecmmu.a,
#                pkgconfig/libsecmmu.pc, cmake/secmmu (development)
#   INCLUDEDIR   secmmu/secmmu.h, secmmu/secmmu-jobs.h, secmmu/linux/secmmu.h
#                (development); the pages are installed by userlib/man
#
# The headers lie in a folder of their own, which pkg-config and find_package()
# name to the compiler: programs write #include <secmmu.h>, and a kernel that
# brings a <linux/secmmu.h> of its own does not have the same file.
include(CMakePackageConfigHelpers)

install(TARGETS secmmu secmmu_static EXPORT secmmu-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/secmmu)
install(FILES include/secmmu.h include/secmmu-jobs.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/secmmu COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/uapi/linux/secmmu.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/secmmu/linux COMPONENT development)

# pkg-config's own variables, so that prefix= can be given on its command line.
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
    set(SECMMU_PC_${dir} "${CMAKE_INSTALL_${dir}}")
  else()
    set(SECMMU_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
  endif()
endforeach()
configure_file(${PROJECT_SOURCE_DIR}/cmake/libsecmmu.pc.in libsecmmu.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/libsecmmu.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/secmmu)
install(EXPORT secmmu-targets NAMESPACE secmmu::
  DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/secmmu-config.cmake.in secmmu-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(secmmu-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/secmmu-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/secmmu-config-version.cmake
  DESTINATION ${package_dir} COMPONENT development)
