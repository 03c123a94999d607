# A loop of perl that prints a line each round: hashes, arrays, calls, sorting, a regular expression.
$| = 1;
sub add {
  my ($sum, $y) = @_;
  $sum->{x} = ($sum->{x} * 31 + $y) & 0xffff;
  return $sum->{x};
}
sub work {
  my (%counts, @keys);
  my $total = 0;
  my $sum = { x => 1 };
  for my $i (0 .. 199) {
    my $key = add($sum, $i) % 50;
    $counts{$key} += $i;
    push @keys, $key;
    if ($key > 25) { $total += @keys } else { $total -= $counts{$key} & 7 }
  }
  $total += $_ for sort { $a <=> $b } @keys;
  my $text = join('', @keys);
  $total++ while $text =~ /1[0-9]/g;
  return $total;
}
while (1) { print "round ", work(), "\n"; }
