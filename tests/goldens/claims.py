"""`claims.json`: Student's t, intervals and p values of claims, and Holm's correction, by scipy and statsmodels.

Run alone, it needs neither torch nor transformers: `pip install scipy==1.17.1 statsmodels==0.15.0` and
`python tests/goldens/claims.py`.

A claim names a range for a mean. Its two-sided p value is the smallest alpha at which the (1 - alpha) interval leaves
out the ends of that range. For a range with one end that is the t test of that end. For a range with two ends and a
mean inside, it is twice the p value of the two one-sided tests of equivalence; with a mean outside, the t test of the
nearer end.
"""

import json
import platform
from pathlib import Path

import numpy as np
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

# The third is the example of R's documentation and of many textbooks; ties, zeros, ones and a single claim follow.
FAMILIES = [
    [0.0003, 0.012, 0.2, 0.04, 0.9, 0.008, 0.03],
    [0.001, 0.001, 0.02, 0.02, 0.02, 0.6],
    [0.01, 0.04, 0.03, 0.005],
    [0.0, 0.0, 1.0, 0.049],
    [0.049],
    [1.0, 1.0],
]
# Per case: number of seeds, mean and spread of the values, the claimed range, and whether a ratio is meant.
CASES = [
    (2, 0.31, 0.05, {"above": 0.1}, False),
    (3, -0.02, 0.005, {"below": 0.0}, False),
    (3, 0.004, 0.03, {"below": 0.0}, False),
    (5, 0.007, 0.004, {"within": 0.02}, False),
    (5, -0.031, 0.004, {"within": 0.02}, False),
    (8, 0.019, 0.02, {"within": 0.02}, False),
    (3, 1.2, 0.04, {"above": 1.0}, True),
    (5, 0.9, 0.1, {"within": 0.5}, True),
    (8, 1.7, 0.05, {"within": 0.5}, True),
    (31, 0.49, 0.1, {"below": 0.5}, True),
]


def p_value(values, expect, is_ratio):
    if is_ratio:
        values = np.log(values)
    sample = DescrStatsW(values)
    if "within" not in expect:
        (end,) = expect.values()
        return sample.ttest_mean(np.log(end) if is_ratio else end)[1]
    high = np.log1p(expect["within"]) if is_ratio else expect["within"]
    if abs(values.mean()) < high:
        return min(1.0, 2 * sample.ttost_mean(-high, high)[0])
    return max(sample.ttest_mean(end)[1] for end in (-high, high))


def case(rng, n, mean, spread, expect, is_ratio):
    values = rng.normal(mean, spread, n)
    assert not is_ratio or (values > 0).all()
    interval = DescrStatsW(np.log(values) if is_ratio else values).tconfint_mean()
    return {
        "values": values.tolist(),
        "expect": expect,
        "isRatio": is_ratio,
        "interval": [float(np.exp(end) if is_ratio else end) for end in interval],
        "pValue": float(p_value(values, expect, is_ratio)),
    }


def claims():
    rng = np.random.default_rng(173)
    sizes = [0.0, 0.01, 0.5, 1.0, 2.0, 4.3, 12.0, 100.0]
    degrees = [1, 2, 3, 4, 5, 7, 10, 29, 30, 200]
    return {
        "versions": {
            "python": platform.python_version(),
            "scipy": scipy.__version__,
            "statsmodels": statsmodels.__version__,
        },
        "tails": [{"t": t, "df": df, "p": float(2 * stats.t.sf(t, df))} for df in degrees for t in sizes],
        "quantiles": [{"df": df, "t": float(stats.t.ppf(0.975, df))} for df in degrees],
        "claims": [case(rng, *row) for row in CASES],
        "holm": [{"pValues": p, "adjusted": multipletests(p, method="holm")[1].tolist()} for p in FAMILIES],
    }


if __name__ == "__main__":
    path = Path(__file__).parent / "data" / "claims.json"
    path.write_text(json.dumps(claims(), indent=1) + "\n")
    print(f"wrote {path.name}")
