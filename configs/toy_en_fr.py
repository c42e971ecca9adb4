"""Does a small cross-attending translator learn English-French grammar, and look at the right word while it writes?

Command: make toy
Hardware: 2 CPU cores
Time: to be measured
Score: to be measured
Question: as above
"""

from xattn.config import Data, Experiment

config = Experiment(data=Data(corpus="toy_en_fr", lowercase=True))
