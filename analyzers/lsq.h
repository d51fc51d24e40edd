/* Small least squares under correlated noise: what the block analyses share.
 * Pure. */
#ifndef PLATEAU_ANALYZERS_LSQ_H
#define PLATEAU_ANALYZERS_LSQ_H

#include <stdbool.h>
#include <stddef.h>

enum { LSQ_PARTS = 8 }; /* columns of one fit, at most */

/* Makes noise white: the Cholesky factor of
 *   V = (1 - rho) diag(var) + rho tri(-1, 2, -1).
 * rho 0 is noise of the differences themselves (steps that stay); rho 1 is
 * noise of single readings, which a difference sees twice. */
struct whitener {
    size_t n;
    double *diag, *low;
    bool plain;     /* rho is 0, and `low` with it */
    double log_det; /* of V */
};

/* Gives `w` to release. `var` holds n positive numbers. */
void whitener_make(size_t n, const double *var, double rho, struct whitener *w);
void whitener_apply(const struct whitener *w, const double *x, double *z);

/* The transposed of that: the sum of z[i] times what whitener_apply makes of x
 * is the sum of out[i] x[i]. */
void whitener_gather(const struct whitener *w, const double *z, double *out);

void whitener_release(struct whitener *w);

struct lsq {
    size_t p;
    double r[LSQ_PARTS][LSQ_PARTS]; /* upper triangle */
    double b[LSQ_PARTS];            /* coefficients ... */
    double c[LSQ_PARTS];            /* ... and those of orthonormal columns */
    double rss;
};

/* Modified Gram-Schmidt on the white columns z[0..p) of length n, each `n`
 * apart, and the white readings behind LSQ_PARTS columns; destroys both.
 * Returns false when a column says nothing that the others do not say. */
bool lsq_solve(double *z, size_t n, size_t p, struct lsq *s);

/* The two halves of that: the columns z[0..p) become orthonormal, and `s` holds
 * the triangle; then the readings `y` become residuals, and `s` the rest. */
bool lsq_factor(double *z, size_t n, size_t p, struct lsq *s);
void lsq_project(const double *z, size_t n, double *y, struct lsq *s);

/* Makes `b` from `c`. */
void lsq_substitute(struct lsq *s);

/* One column more: `v`, white, which is zero before `from` and from `to` on.
 * `z` and `left` are the orthonormal columns and the residuals of `s`; `out`
 * becomes what lsq_solve would have given. False when `v` says nothing new. */
bool lsq_extend(const double *z, const double *left, size_t n,
                const struct lsq *s, const double *v, size_t from, size_t to,
                struct lsq *out);

/* Turns `a` to the orthonormal columns: sum v[j] c[j] is sum a[j] b[j], where
 * c[j] is the j-th orthonormal column times the white readings. Returns the
 * standard error of that sum for noise of one. */
double lsq_turn(const struct lsq *s, const double *a, double *v);

/* Standard error of sum a[j] b[j] for noise of one. */
double lsq_se(const struct lsq *s, const double *a);

/* log(exp(a) + exp(b)). */
double lsq_log_add(double a, double b);

/* Sum of a[i] b[i], even and odd ones apart: two sums do not wait for each
 * other. */
static inline double lsq_dot(const double *a, const double *b, size_t n)
{
    double even = 0, odd = 0;
    size_t i = 0;

    for (; i + 1 < n; i += 2) {
        even += a[i] * b[i];
        odd += a[i + 1] * b[i + 1];
    }
    if (i < n)
        even += a[i] * b[i];
    return even + odd;
}

#endif
