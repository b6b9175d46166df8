/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes a key and a self-signed certificate. */
#ifndef WIRE_SELF_SIGNED_H
#define WIRE_SELF_SIGNED_H

#include <stddef.h>

/*
 * An ECDSA P-256 key and a certificate for `names` (DNS names and IP addresses, at least one; all
 * go into subjectAltName, the first DNS name also into CN), valid from an hour ago for `days`.
 * Random 20-byte serial, basicConstraints CA:FALSE, key usage digitalSignature, extended key usage
 * serverAuth. *ret_cert and *ret_key are PEM texts to free(); the key's should be wiped first. 0,
 * -EINVAL (a bad name) or -ENOMEM.
 */
int self_signed(const char *const *names, size_t n, int days, char **ret_cert, char **ret_key);

/* Writes the SHA-256 of the first certificate's public key (DER SPKI) as base64, 45 bytes with NUL:
 * what certificate_public_key_sha256 takes. 0 or -EINVAL. */
int certificate_pin(const char *cert_pem, char out[static 45]);

#endif
