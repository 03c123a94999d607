# A loop of bash or dash that prints a line each round: functions, arithmetic, words, patterns.
add() { r=$(( ($1 * 31 + $2) & 65535 )); }
work() {
  i=0 x=1 total=0 keys=
  while [ $i -lt 50 ]; do
    add $x $i
    x=$r
    key=$((x % 50))
    keys="$keys $key"
    case $key in
      1*) total=$((total + 1)) ;;
      *) total=$((total + key)) ;;
    esac
    i=$((i + 1))
  done
  for key in $keys; do total=$((total + key)); done
}
while :; do
  work
  echo "round $total"
done
