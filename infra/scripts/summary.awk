# Adds up what Maven's log says of the tests; then come the names of those that failed, and, from surefire's
# XML reports after it, of those that were skipped. The last line has the totals.
# Counts are from the log and not from the reports: where two engines run tests of one class, the second
# report overwrites the first.

function attribute(text, name,    value) {
  if (!match(text, "[ \t\n]" name "=\"[^\"]*\"")) return ""
  value = substr(text, RSTART, RLENGTH)
  sub("^[ \t\n]" name "=\"", "", value)
  sub("\"$", "", value)
  gsub("&lt;", "<", value); gsub("&gt;", ">", value); gsub("&quot;", "\"", value); gsub("&amp;", "\\&", value)
  return value
}

function number(name) {
  return match($0, name ": [0-9.]+") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : 0
}

FNR == 1 { report = FILENAME ~ /\.xml$/ }

!report && /^\[INFO\] Building dstack/ { module = $3 }

!report && /Tests run: [0-9]+, .*Time elapsed: / {
  if (!(module in tests)) order[++modules] = module
  tests[module] += number("Tests run")
  failed[module] += number("Failures") + number("Errors")
  skipped[module] += number("Skipped")
  time[module] += number("Time elapsed")
}

!report && /<<< (FAILURE|ERROR)!/ && !/Tests run: / {
  name = $0
  sub(/^\[ERROR\] */, "", name)
  sub(/ -- Time elapsed.*/, "", name)
  if (!(name in seen)) { seen[name] = 1; failures[++nfailures] = name }
}

report && /<testcase[ \t]/ { test = attribute($0, "classname") "." attribute($0, "name") }
report && /<skipped[ \t\/>]/ {
  why = attribute($0, "message")
  skips[++nskips] = test (why == "" ? "" : ": " why)
}

END {
  printf "%-26s %7s %7s %7s %8s\n", "module", "tests", "failed", "skipped", "seconds"
  for (i = 1; i <= modules; i++) {
    m = order[i]
    printf "%-26s %7d %7d %7d %8.1f\n", m, tests[m], failed[m], skipped[m], time[m]
    all += tests[m]; bad += failed[m]; none += skipped[m]
  }
  for (i = 1; i <= nskips; i++) printf "skipped: %s\n", skips[i]
  for (i = 1; i <= nfailures; i++) printf "failed: %s\n", failures[i]
  printf "%d passed, %d failed, %d skipped\n", all - bad - none, bad, none
}
