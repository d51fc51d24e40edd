"""The patients: how each is started, and what Plateau must say of it.

`holder` is a pattern that the chain of references must match; `kinds` are the
classes of growth that count as right; None: not asked. `traps` have one
twin, whose exit status must be one of `trap`.
"""


def gunicorn(module, workers=2, *more):
    """A command for a WSGI module under gunicorn; {port} is filled in."""
    return ["{venv}/gunicorn", "--workers", str(workers), "--bind",
            "127.0.0.1:{port}", "--log-level", "warning", *more,
            module + ":app"]


PYTHON = [
    dict(name="global_dict", holder=r"global_dict.*in_flight",
         kinds=["live_objects"], quick=True),
    dict(name="history_list", holder=r"history_list.*history",
         kinds=["live_objects"]),
    dict(name="django_thread_local", holder=r"records|local",
         kinds=["live_objects"]),
    dict(name="memory_handler", holder=r"buffer",
         kinds=["live_objects"]),
    dict(name="session_cookies", holder=r"session|cookie",
         kinds=["live_objects"]),
    dict(name="cycles_gc_off", holder=None,
         kinds=["live_objects", "collector_off"]),
    dict(name="resurrecting_del", holder=r"graveyard",
         kinds=["live_objects"]),
    dict(name="signal_closures", holder=r"receivers|order_paid",
         kinds=["live_objects"]),
    dict(name="class_model", holder=r"Model.*versions|versions",
         kinds=["live_objects"]),
    dict(name="memo", holder=r"memo.*answers", path="/work?q={{rand 8}}",
         kinds=["live_objects", "cache_filling"]),
    dict(name="open_files", holder=None, kinds=["descriptors"], quick=True),
    dict(name="threads", holder=None, kinds=["threads"], rate=100,
         block=200),
    dict(name="numpy_buffers", holder=r"numpy_buffers.*samples",
         kinds=["live_objects", "native_heap"]),
    dict(name="c_extension", env={"PATIENT_CAUSE": "malloc"},
         title="c_extension_malloc", holder=None, kinds=["native_heap"],
         extension=True, quick=True),
    dict(name="c_extension", env={"PATIENT_CAUSE": "decref"},
         title="c_extension_decref", holder=None,
         kinds=["live_objects", "untracked_blocks"], extension=True),
    dict(name="sqlalchemy_sessions", holder=r"open_sessions",
         kinds=["live_objects"], postgres=True, rate=60, block=150),
    dict(name="aiohttp_tasks", holder=None,
         kinds=["tasks", "live_objects"],
         command=["{venv}/python", "aiohttp_tasks.py", "{port}"]),
    dict(name="celery_client", holder=r"StoreTask.*backends|backends",
         kinds=["live_objects"], redis=True, rate=60, block=150,
         command=["{venv}/python", "celery_both.py", "celery_client",
                  "{port}"]),
    dict(name="celery_results", holder=None, kinds=["other_process"],
         redis=True, rate=60, block=150, measure_redis=True,
         command=["{venv}/python", "celery_both.py", "celery_results",
                  "{port}"]),
    dict(name="trap_lru_late", trap=(0, 3)),
    dict(name="trap_first_import", trap=(0,)),
    dict(name="trap_spike", trap=(0,), quick=True),
    dict(name="trap_fragmentation", trap=(0, 3)),
    dict(name="trap_page_cache", trap=(0,)),
    dict(name="trap_unsharing", trap=(0,),
         command=gunicorn("trap_unsharing", 2, "--preload")),
    dict(name="history_list", title="trap_recycling",
         env={"PATIENT_TWIN": "fixed"}, trap=(0,),
         command=gunicorn("history_list", 2, "--max-requests", "400",
                          "--max-requests-jitter", "50")),
]
