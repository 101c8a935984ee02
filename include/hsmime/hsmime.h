/*
 * hsmime/hsmime.h: the whole library in one include.
 */
#ifndef HSMIME_HSMIME_H
#define HSMIME_HSMIME_H

#include <hsmime/archive.h>
#include <hsmime/job.h>
#include <hsmime/context.h>
#include <hsmime/custody.h>
#include <hsmime/doctor.h>
#include <hsmime/error.h>
#include <hsmime/operation.h>
#include <hsmime/pin.h>
#include <hsmime/result.h>
#include <hsmime/stream.h>
#include <hsmime/token.h>

#endif
