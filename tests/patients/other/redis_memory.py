"""Prints how much memory a Redis uses: a command source of Plateau's.

usage: redis_memory.py URL
"""

import sys

import redis

client = redis.Redis.from_url(sys.argv[1])
print("used_bytes", client.info("memory")["used_memory"])
