"""Root cause: asyncio tasks that wait for something that never comes."""

import asyncio
import os
import sys

from aiohttp import web

LEAKING = os.environ.get("PATIENT_TWIN", "leaking") == "leaking"
waiting = set()


async def notify(event):
    await event.wait()


async def work(request):
    event = asyncio.Event()
    task = asyncio.ensure_future(notify(event))
    waiting.add(task)
    task.add_done_callback(waiting.discard)
    if not LEAKING:
        event.set()
    return web.json_response({"ok": True}, status=201)


async def browse(request):
    return web.json_response({"id": request.match_info["number"]})


async def plain(request):
    return web.json_response({"found": []})


def main():
    app = web.Application()
    app.router.add_get("/health", plain)
    app.router.add_get("/browse/{number}", browse)
    app.router.add_get("/search", plain)
    app.router.add_post("/work", work)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
