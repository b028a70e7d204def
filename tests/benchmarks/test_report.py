"""The benchmark's report: ratios of medians, aims, and no number where there was trouble."""

import xml.etree.ElementTree as ET

from bench.report import Round, aims, plot, ratio, table


def one(load, peer, server, machine=20.0, trouble=""):
    return Round(load, peer, server, machine, 1000.0, 1.0, 1 << 20, trouble)


ROUNDS = [
    one("4 KiB", "nbmon", 8.0),
    one("4 KiB", "nbmon", 6.0),
    one("4 KiB", "nbmon", 7.0),
    one("4 KiB", "nginx", 10.0),
    one("4 KiB", "h2o", 7.0),
    one("4 KiB", "C loop", 5.0, trouble="Socket errors"),
    one("512 KiB", "nbmon", 100.0, 90.0),
    one("512 KiB", "nginx", 50.0, 100.0),
    one("512 KiB", "h2o", 90.0, 80.0),
]


def row(text, *starts):
    return next(line for line in text.splitlines() if line.startswith("| " + " | ".join(starts) + " |"))


def test_a_ratio_is_of_medians():
    assert ratio(ROUNDS, "4 KiB", "nbmon", "nginx", "server_us") == 0.7


def test_the_table_has_medians_least_and_ratios():
    assert "| 7.00 | 6.00 |" in row(table(ROUNDS), "4 KiB", "nbmon")
    assert "| 0.70 | 1.00 |" in row(table(ROUNDS), "4 KiB", "nginx")


def test_trouble_is_said_instead_of_a_number():
    line = row(table(ROUNDS), "4 KiB", "C loop")
    assert "Socket errors" in line
    assert "5.00" not in line
    assert "not measured" in row(aims(ROUNDS), "4 KiB", "C loop")
    assert "C loop" not in plot(ROUNDS)


def test_an_aim_is_met_or_not():
    assert row(aims(ROUNDS), "4 KiB", "nginx").endswith("| yes |")
    assert row(aims(ROUNDS), "4 KiB", "h2o").endswith("| **no** |")


def test_for_large_files_one_of_both_prices_is_enough():
    assert row(aims(ROUNDS), "512 KiB", "nginx").endswith("| yes |")
    assert row(aims(ROUNDS), "512 KiB", "h2o").endswith("| **no** |")


def test_the_plot_is_well_formed():
    assert ET.fromstring(plot(ROUNDS)).tag.endswith("svg")
