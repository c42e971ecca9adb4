"""Trains Tatoeba and scores it.

    XATTN_DATA=path python experiments/tatoeba_en_fr/run.py

The run goes into runs/tatoeba_en_fr; results.json beside this file is made anew.
"""

from pathlib import Path

from xattn.sweeps import System, measure

HERE = Path(__file__).parent

if __name__ == "__main__":
    measure(HERE.parents[1] / "configs" / "tatoeba_en_fr.py", [System()], HERE / "results.json")
