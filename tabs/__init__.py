"""The tabs, in the order of the page."""

from __future__ import annotations

from types import ModuleType

from tabs import bartsmiles, consensus, glancenets, logicgates, sjc, spade

TABS: tuple[ModuleType, ...] = (consensus, sjc, glancenets, logicgates, spade, bartsmiles)
