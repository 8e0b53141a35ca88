"""What is told of a step: figures of each round, beside their goals."""

import statistics
from dataclasses import dataclass


@dataclass
class Goal:
    sign: str
    limit: float
    # Of the rounds, what has to reach the limit.
    judged: callable = statistics.median

    def is_met(self, values):
        value = self.judged(values)
        return value <= self.limit if self.sign == "<=" else value >= self.limit

    def __str__(self):
        return f"{self.sign} {short(self.limit)}"


def at_most(limit):
    return Goal("<=", limit)


def at_least(limit):
    return Goal(">=", limit)


def never():
    """Not even in one round."""
    return Goal("<=", 0, max)


@dataclass
class Figure:
    name: str
    unit: str
    values: list
    goal: Goal = None

    def verdict(self):
        if not self.goal:
            return ""
        return "met" if self.goal.is_met(self.values) else "missed"

    def as_json(self):
        goal = self.goal and {"sign": self.goal.sign, "limit": self.goal.limit, "met": self.goal.is_met(self.values)}
        median, least, most = statistics.median(self.values), min(self.values), max(self.values)
        told = {"name": self.name, "unit": self.unit, "median": median, "least": least, "most": most}
        return {**told, "goal": goal, "rounds": self.values}


def ratios(name, over, under, goal=None):
    """Of each pair."""
    return Figure(name, "times", [a / b for a, b in zip(over, under)], goal)


def short(value):
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def show(step, figures):
    print(f"\n{step:56} {'median':>11} {'least - most':>25} {'':10} {'goal':12}")
    for figure in figures:
        median, spread = short(statistics.median(figure.values)), f"{short(min(figure.values))} - {short(max(figure.values))}"
        line = f"  {figure.name:54} {median:>11} {spread:>25} {figure.unit:10} {str(figure.goal or ''):12} {figure.verdict()}"
        print(line.rstrip(), flush=True)
