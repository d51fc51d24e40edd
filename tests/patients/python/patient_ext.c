/* A small C extension with two classic mistakes, each to be had or not. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

/* keep_block(n, leak): malloc without free. */
static PyObject *keep_block(PyObject *self, PyObject *args)
{
    Py_ssize_t n;
    int leak;
    char *p;

    (void)self;
    if (!PyArg_ParseTuple(args, "np", &n, &leak))
        return NULL;
    p = malloc((size_t)n);
    if (p == NULL)
        return PyErr_NoMemory();
    memset(p, 'x', (size_t)n);
    if (!leak)
        free(p);
    Py_RETURN_NONE;
}

/* keep_object(leak): a new list whose reference is never given back. */
static PyObject *keep_object(PyObject *self, PyObject *args)
{
    int leak;
    PyObject *list;

    (void)self;
    if (!PyArg_ParseTuple(args, "p", &leak))
        return NULL;
    list = PyList_New(3);
    if (list == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < 3; i++) {
        Py_INCREF(Py_None);
        PyList_SET_ITEM(list, i, Py_None);
    }
    if (!leak)
        Py_DECREF(list);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"keep_block", keep_block, METH_VARARGS, "malloc, and free or not"},
    {"keep_object", keep_object, METH_VARARGS, "a list, and its decref or not"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT,
                                    "patient_ext",
                                    NULL,
                                    -1,
                                    methods,
                                    NULL,
                                    NULL,
                                    NULL,
                                    NULL};

PyMODINIT_FUNC PyInit_patient_ext(void)
{
    return PyModule_Create(&module);
}
