# SPDX-License-Identifier: MIT
# Scores the rows of numbers on standard input, as a program of the nineties does: HTTP/1.0 over a
# plain socket, the answer being all that comes until the other side closes.
use strict;
use warnings;
use IO::Socket::INET;

my ($host, $port) = @ARGV;
my @rows = map { "[" . join(", ", split) . "]" } <STDIN>;
my $body = '{"data": [' . join(", ", @rows) . "]}";

my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => "tcp")
    or die "$host:$port: $@\n";
print $socket "POST /score HTTP/1.0\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
$socket->flush;

my ($status, $answer) = ("", "");
$status = <$socket>;
while (<$socket>) { last if /^\r?\n$/ }
{ local $/; $answer = <$socket>; }
die "$status$answer\n" unless $status =~ m{^HTTP/1\.[01] 200 };
print "$answer\n";
