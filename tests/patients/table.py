"""The patients: how each is started, and what Plateau must say of it.

`holder` is a pattern that a chain of references must match; `kinds` are the
classes of growth that count as right; `requests` are those that leak: `work`
alone, where it is not given. None: not asked. Traps have one twin, whose exit
status must be one of `trap`.
"""


def gunicorn(module, workers=2, *more):
    """A command for a WSGI module under gunicorn; {port} is filled in."""
    return ["{venv}/gunicorn", "--workers", str(workers), "--bind",
            "127.0.0.1:{port}", "--log-level", "warning", *more,
            module + ":app"]


PATIENTS = [
    dict(name="global_dict", holder=r"global_dict.*in_flight",
         kinds=["live_objects"]),
    dict(name="history_list", holder=r"history_list.*history",
         kinds=["live_objects"]),
    dict(name="django_thread_local", holder=r"records|local",
         kinds=["live_objects"]),
    dict(name="memory_handler", holder=r"buffer",
         kinds=["live_objects"]),
    dict(name="session_cookies", holder=r"session|cookie",
         kinds=["live_objects"]),
    dict(name="cycles_gc_off", holder=r"collector is off.*Node",
         kinds=["collector_off"]),
    # Every request through Flask leaves cycles: each of the three leaks.
    dict(name="gc_off_flask", holder=r"collector is off",
         kinds=["collector_off"], requests=["browse", "search", "work"]),
    dict(name="resurrecting_del", holder=r"graveyard",
         kinds=["live_objects"]),
    dict(name="kept_errors", holder=r"kept_errors.*failures", expect=500,
         kinds=["live_objects"]),
    dict(name="signal_closures", holder=r"receivers|order_paid",
         kinds=["live_objects"]),
    dict(name="class_model", holder=r"Model.*versions|versions",
         kinds=["live_objects"]),
    dict(name="memo", holder=r"memo.*answers", path="/work?q={{rand 8}}",
         kinds=["live_objects", "cache_filling"]),
    dict(name="open_files", holder=None, kinds=["descriptors"]),
    dict(name="threads", holder=None, kinds=["threads"], rate=100,
         block=200),
    dict(name="bytes_only", holder=None, kinds=["untracked_blocks"],
         sample="python = outside"),
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
    dict(name="pool_checkouts", holder=r"pool_checkouts.*in_use",
         kinds=["live_objects", "sockets"], postgres=True, rate=60,
         block=150, warmup="15s"),  # until caches of parsed URLs are full
    dict(name="aiohttp_tasks", holder=None,
         kinds=["tasks", "live_objects"],
         command=["{venv}/python", "aiohttp_tasks.py", "{port}"]),
    # A worker remembers its last 1,000 tasks: here fewer, or the run would end
    # before it has.
    dict(name="celery_client", env={"CELERY_WORKER_SUCCESSFUL_MAX": "50"},
         holder=r"StoreTask.*backends|backends",
         kinds=["live_objects"], redis=True, rate=60, block=150,
         command=["{venv}/python", "celery_both.py", "celery_client",
                  "{port}"]),
    dict(name="celery_results", env={"CELERY_WORKER_SUCCESSFUL_MAX": "50"},
         holder=None, kinds=["other_process"],
         redis=True, rate=60, block=150,
         sample="python = agent\ncommand.redis = {venv}/python "
         "{other}/redis_memory.py {redis}",
         verdict="redis_used_bytes = 256 B/request",
         command=["{venv}/python", "celery_both.py", "celery_results",
                  "{port}"]),
    dict(name="node", tool="node", holder=None, kinds=["live_objects"],
         # V8 takes some 12,000 requests until its heap has the size it keeps.
         folder="other", rate=1000, block=2000, warmup="12s",
         sample="python = off\nhttp.node = {url}/metrics",
         verdict="node_heap_used_bytes = 64 B/request",
         command=["node", "--expose-gc", "service.js", "{port}"]),
    dict(name="jvm", tool="java", holder=None,
         kinds=["live_objects", "native_heap"], folder="other",
         sample="python = off", rate=1000, block=3000,
         # Without nodelay the JDK's server answers in 40 ms, for each of its
         # two writes waits for the other's acknowledgement.
         command=["java", "-Dsun.net.httpserver.nodelay=true",
                  "-XX:+UseSerialGC", "-Xms32m", "-Xmx256m",
                  "Service.java", "{port}"]),
    dict(name="c_service", holder=None, kinds=["native_heap"],
         sample="python = outside", quick=True,
         command=["{leaky}", "--port", "{port}", "--on",
                  "/work=status:201", "--on", "/browse/*=churn:64", "--on",
                  "/search=churn:64"],
         leaking_arguments="--on /work=leak:512",
         path="/work", rate=1000, block=2000),
    dict(name="trap_lru_late", trap=(0, 3)),
    dict(name="trap_first_import", trap=(0,)),
    dict(name="trap_spike", trap=(0,), quick=True),
    dict(name="trap_cycles", trap=(0,)),
    dict(name="trap_fragmentation", trap=(0, 3)),
    dict(name="trap_page_cache", trap=(0,)),
    dict(name="trap_unsharing", trap=(0,),
         command=gunicorn("trap_unsharing", 2, "--preload")),
    dict(name="history_list", title="trap_recycling",
         env={"PATIENT_TWIN": "fixed"}, trap=(0,),
         command=gunicorn("history_list", 2, "--max-requests", "400",
                          "--max-requests-jitter", "50")),
]
