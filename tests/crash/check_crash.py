#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_crash - an update is cut at each of its crash points, in each way, and must end well

Each scene is recorded once, with programs that number their points. Then, for each point:
    dropped    the power goes before it; nothing that was not synced is there
    kept       the power goes; all that was written is there
    torn       the power goes; a random part of what was not synced is there
    restarted  all three programs are killed, and swbd is started again in the same boot
    killed     the worker whose point it is is killed, swbd goes on (run anew, not from the record)
In the end the update must be finished (or the bad system left), without a state file that could not
be read, from where it surely was, and only whole releases may ever have been bootable.
"""

import argparse
import concurrent.futures
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "flow")]

from crash_scene import DROPPED, KEPT, KILLED, RESTARTED, TORN, WORKERS  # noqa: E402
from crash_stage import SCENES, Stage  # noqa: E402

SHOWN = 2000  # characters of what went wrong
WAYS = (DROPPED, KEPT, TORN, RESTARTED, KILLED)


class Result:
    """Of one scene."""

    def __init__(self, name):
        self.name, self.points, self.tried, self.wrong = name, {}, dict.fromkeys(WAYS, 0), []

    def attempt(self, what, way, function, *args):
        try:
            if function(*args) is not False:
                self.tried[way] += 1
        except Exception as error:  # whatever it is, it is one more thing that went wrong
            text = str(error)
            text = text if len(text) < SHOWN else f"{text[:SHOWN // 4]}\n…\n{text[-SHOWN:]}"
            self.wrong.append(f"{self.name}, {what}, {way}: {text}")
            print("WRONG:", self.wrong[-1], flush=True)


def run_scene(build, folder, name, ways, seed, step):
    result = Result(name)
    with Stage(pathlib.Path(folder) / f"{name}-{seed}", build) as stage:
        scene = stage.scene(name)
        for n_part, part in enumerate(scene.parts):
            for number, files, done in part.states():
                point = part.points[number]
                what = f"boot {n_part + 1}, point {number + 1} ({point.program} {point.number})"
                result.points[point.program] = result.points.get(point.program, 0) + 1
                if (number + seed) % step:
                    continue
                for way in ways:
                    if way != KILLED:
                        result.attempt(what, way, scene.cut, files, way, done, f"{seed} {number}")
                    elif point.program in WORKERS:
                        result.attempt(what, way, scene.kill, part, point)
    return result


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="for images, devices and logs")
    parser.add_argument("--scene", action="append", choices=SCENES, help="only this one (default: all)")
    parser.add_argument("--way", action="append", choices=WAYS, help="only this one (default: all)")
    parser.add_argument("--every", type=int, default=1, help="only each N-th point (default 1)")
    parser.add_argument("--seed", type=int, default=0, help="of what is torn")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args()


def print_table(results):
    programs = ("swbd", *WORKERS)
    print("| scene | points: swbd | swb-fetch | swb-install | " + " | ".join(WAYS) + " | wrong |")
    print("|---|" + "--:|" * (len(programs) + len(WAYS) + 1))
    for result in results:
        numbers = [result.points.get(program, 0) for program in programs]
        numbers += [result.tried[way] for way in WAYS] + [len(result.wrong)]
        print(f"| {result.name} | " + " | ".join(map(str, numbers)) + " |")


def main():
    args = parse_args()
    build = pathlib.Path(os.environ["SWB_BUILD"]).resolve()
    start = time.monotonic()
    pathlib.Path(args.folder).mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        jobs = [pool.submit(run_scene, build, args.folder, name, args.way or WAYS, args.seed, args.every)
                for name in args.scene or SCENES]
        results = [job.result() for job in jobs]
    print_table(results)
    wrong = sum(len(result.wrong) for result in results)
    n_points = sum(sum(result.points.values()) for result in results)
    n_cuts = sum(sum(result.tried.values()) for result in results)
    print(f"{n_points} crash points, {n_cuts} cuts, {wrong} failures, {time.monotonic() - start:.0f} s")
    return 1 if wrong or not n_cuts else 0


if __name__ == "__main__":
    sys.exit(main())
