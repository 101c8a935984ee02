/* proxy_names: the numbers behind the names of PKCS#11. */
#ifndef TESTS_TOKEN_PROXY_NAMES_H
#define TESTS_TOKEN_PROXY_NAMES_H

/* names_number(word): of a CKR_… or CKM_…, or of digits; the process ends where it is neither. */
unsigned long names_number(const char *word);

#endif
