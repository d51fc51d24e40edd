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
void whitener_release(struct whitener *w);

struct lsq {
    size_t p;
    double r[LSQ_PARTS][LSQ_PARTS]; /* upper triangle */
    double b[LSQ_PARTS];            /* coefficients */
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

/* Standard error of sum a[j] b[j] for noise of one. */
double lsq_se(const struct lsq *s, const double *a);

/* log(exp(a) + exp(b)). */
double lsq_log_add(double a, double b);

/* Sum of a[i] b[i]. */
double lsq_dot(const double *a, const double *b, size_t n);

#endif
