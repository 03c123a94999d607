# A loop of awk that prints a line each round: arrays, fields, strings, regular expressions.
function add(y) { x = (x * 31 + y) % 65536; return x }
function work(  i, key, total, text, n, parts) {
  total = 0; x = 1; text = ""; split("", counts)
  for (i = 0; i < 200; i++) {
    key = add(i) % 50
    counts[key] += i
    text = text " " key
    if (key > 25) total += length(text); else total -= counts[key] % 8
  }
  n = split(text, parts, " ")
  for (i = 1; i <= n; i++) total += parts[i]
  if (text ~ /1[0-9] 2/) total++
  gsub(/1/, "x", text)
  return total + length(text)
}
BEGIN { while (1) { print "round", work(); fflush() } }
