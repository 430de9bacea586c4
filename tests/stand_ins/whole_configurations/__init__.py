"""Whole configurations, one of each kind that people have."""

from stand_ins.whole_configurations.case import Case as Case
from stand_ins.whole_configurations.language import LANGUAGE
from stand_ins.whole_configurations.mistakes import MISTAKES
from stand_ins.whole_configurations.modules import MODULES

CASES = [*LANGUAGE, *MODULES, *MISTAKES]
