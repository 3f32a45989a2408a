# SPDX-License-Identifier: MIT
"""A script with a hand in every body: images, compressed JSON, large bodies, answers of its own
making, events. The query says which: ?do=NAME."""

import gzip
import hashlib
import json
import os
import socket
import struct
import zlib

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse

MODEL = {}


def init():
    path = os.path.join(os.environ["AZUREML_MODEL_DIR"], "diabetes", "1", "diabetes-model.json")
    with open(path, encoding="utf-8") as file:
        MODEL.update(json.load(file))


def png_rows(data):
    """(width, height, rows) of a PNG in 8-bit grey whose rows have no filter."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, size, packed = 8, None, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + content) == struct.unpack_from(">I", data, at + 8 + length)[0]
        size = struct.unpack(">IIBBBBB", content) if kind == b"IHDR" else size
        packed += content if kind == b"IDAT" else b""
        at += 12 + length
    width, height = size[:2]
    pixels = zlib.decompress(packed)
    return width, height, [pixels[y * (width + 1) + 1:][:width] for y in range(height)]


def image(request):
    """The negative, in another format."""
    if request.content_type != "image/png":
        return AMLResponse("an image/png is wanted", 415, {"Accept-Post": "image/png"})
    width, height, rows = png_rows(request.get_data())
    negative = bytes(255 - pixel for row in rows for pixel in row)
    return AMLResponse(b"P5 %d %d 255\n" % (width, height) + negative, 201, {
        "Content-Type": "image/x-portable-graymap", "X-Image-Size": f"{width}x{height}",
        "Content-Disposition": 'attachment; filename="negative.pgm"'})


def packed(request):
    """Says what it was asked, compressed."""
    assert request.headers["Content-Encoding"] == "gzip"
    said = {"asked": json.loads(gzip.decompress(request.get_data())),
            "accepted": request.headers.get("Accept-Encoding")}
    return AMLResponse(gzip.compress(json.dumps(said).encode(), mtime=0), 200, {
        "Content-Type": "application/json", "Content-Encoding": "gzip", "Vary": "Accept-Encoding"})


def reverse(request):
    body = request.get_data()
    return AMLResponse(body[::-1], 200, {"Content-Type": "application/octet-stream",
                                         "X-Body-Sha256": hashlib.sha256(body).hexdigest()})


def fail(request):
    return AMLResponse(f"the model says {request.args['status']}", int(request.args["status"]), {
        "Content-Type": "text/csv; charset=utf-8", "X-Model-Reason": "out of range",
        "Retry-After": "17"})


def predict(request):
    """One row, given as row=…,…"""
    row = [float(x) for x in request.args["row"].split(",")]
    return {"prediction": MODEL["intercept"] + sum(c * x for c, x in zip(MODEL["coef"], row))}


def events(request):
    """Sends an event for each byte that comes from PORT, and tells PORT of the end by ending."""
    def each(link):
        with link:
            number = 0
            while link.recv(1):
                yield b"id: %d\ndata: event %d\n\n" % (number, number)
                number += 1
            yield b"data: [DONE]\n\n"

    link = socket.create_connection(("127.0.0.1", int(request.args["port"])))
    return AMLResponse(each(link), 200, {"Content-Type": "text/event-stream; charset=utf-8"})


DO = {f.__name__: f for f in (image, packed, reverse, fail, predict, events)}


@rawhttp
def run(request):
    return DO[request.args["do"]](request)
