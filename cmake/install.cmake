# What `cmake --install` puts where: the tool, its manual pages, the library with its
# headers, pkg-config file and CMake package, and the OpenSSL provider module.
include(CMakePackageConfigHelpers)

set(HSMIME_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/hsmime)
file(RELATIVE_PATH HSMIME_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)

install(TARGETS hsmime EXPORT hsmime LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS hsmime_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS hsmime_keyfile hsmime_dialog hsmime_journal_sqlite LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/hsmime)
if(HSMIME_POSTGRESQL)
  install(TARGETS hsmime_journal_postgresql LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/hsmime)
endif()
# OpenSSL looks for providers in one folder, `openssl version -m`: with a prefix of its own that is another.
set(HSMIME_MODULES_DIR ${CMAKE_INSTALL_LIBDIR}/ossl-modules CACHE STRING
  "Where hsmime.so, the OpenSSL provider, is installed; absolute, or in the prefix")
install(TARGETS hsmime_module LIBRARY DESTINATION ${HSMIME_MODULES_DIR})
install(DIRECTORY include/hsmime DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
# In the folders that README.md's links say.
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES docs/ARCHITECTURE.md docs/ARCHIVE.md docs/PERFORMANCE.md docs/PROVIDER.md docs/SECURITY.md docs/TOKENS.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs)
install(FILES docs/examples/sign_verify.c docs/examples/CMakeLists.txt
  DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs/examples)
foreach(page ${HSMIME_MANUAL})
  string(REGEX MATCH "[0-9]$" section ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

configure_file(cmake/hsmime.pc.in hsmime.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hsmime.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(cmake/hsmimeConfig.cmake.in hsmimeConfig.cmake
  INSTALL_DESTINATION ${HSMIME_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(hsmimeConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT hsmime NAMESPACE hsmime:: FILE hsmimeTargets.cmake DESTINATION ${HSMIME_CMAKE_DIR})
install(FILES ${PROJECT_BINARY_DIR}/hsmimeConfig.cmake ${PROJECT_BINARY_DIR}/hsmimeConfigVersion.cmake
  DESTINATION ${HSMIME_CMAKE_DIR})
