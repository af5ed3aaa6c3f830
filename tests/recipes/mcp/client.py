"""Call the tools of the MCP server with the token in the environment's `TOKEN`."""

from __future__ import annotations

import asyncio
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

URL = "http://127.0.0.1:8000/mcp"


async def call(tool: str) -> None:
    """Print what a tool answers."""
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(URL, http_client=http)) as client,
    ):
        result = await client.call_tool(tool)
        for content in result.content:
            if content.type == "text":
                print(content.text)


asyncio.run(call(sys.argv[1]))
