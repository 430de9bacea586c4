"""Imports a module beside it, reads a file beside it, keeps state of its own."""

import json
import os

import KSR
import neighbour_of_script as neighbour

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "words.json")) as file:
    WORDS = json.load(file)


def mod_init():
    return Neighbours()


class Neighbours:
    def __init__(self):
        self.count = 0

    def ksr_request_route(self, msg):
        self.count += 1
        neighbour.reply(WORDS.get(KSR.pv.get("$rm"), "OK"), self.count)
        return 1
