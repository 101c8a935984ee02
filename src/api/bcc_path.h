/*
 * bcc_path: the file of a Bcc recipient's own message.
 */
#ifndef API_BCC_PATH_H
#define API_BCC_PATH_H

/*
 * bcc_path(path, folder, address):
 * FOLDER/ADDRESS.eml, for the caller to free. The domain is in lower case; a leading
 * dot and every octet but letters, digits and "@._+=-" is %XX, so that two addresses
 * never have one name. 0, HSMIME_EIO (longer than a file's name may be) or
 * HSMIME_ENOMEM; *path is NULL after a failure.
 */
int bcc_path(char **path, const char *folder, const char *address);

#endif
