"""How a report is shown: table, report.json, units.csv, report.html; and conditions on its numbers."""
