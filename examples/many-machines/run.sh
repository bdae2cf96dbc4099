#!/usr/bin/env bash
# One program on three machines, and workers on two of them, of which one is unplugged in the midst of its work. The machines
# are network namespaces of this one: nothing of them is reached from outside, and all goes when the script ends.
# Needs Linux, root (for `ip netns`), and redis-server. It takes a minute at most.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo 'many-machines: only root may make network namespaces' >&2; exit 1; }
for tool in ip redis-server timeout; do
  command -v "$tool" > /dev/null || { echo "many-machines: there is no $tool here" >&2; exit 1; }
done

one=zproc-$$-one two=zproc-$$-two three=zproc-$$-three
folder=$(mktemp -d)
# What a guard watches over it clears away itself, once its owner has ended: so guards are let end, for 10 seconds at most.
clean() {
  for machine in $one $two $three; do
    for pid in $(ip netns pids $machine 2> /dev/null); do
      grep -qzx zproc-guard "/proc/$pid/cmdline" 2> /dev/null || kill -9 "$pid" 2> /dev/null || true
    done
  done
  for machine in $one $two $three; do
    for _ in {1..100}; do
      [ -n "$(ip netns pids $machine 2> /dev/null)" ] || break
      sleep 0.1
    done
    ip netns pids $machine 2> /dev/null | xargs -r kill -9 || true
    ip netns delete $machine 2> /dev/null || true
  done
  rm -rf "$folder"
}
trap clean EXIT
trap 'exit 130' INT TERM

# The first has a switch, with a cable to each of the others.
ip netns add $one
ip -n $one link set lo up
ip -n $one link add switch type bridge
ip -n $one address add 10.77.0.1/24 dev switch
ip -n $one link set switch up
plug() {
  ip netns add "$1"
  ip -n $one link add "cable$2" type veth peer name eth0 netns "$1"
  ip -n $one link set "cable$2" master switch up
  ip -n "$1" address add "10.77.0.$2/24" dev eth0
  ip -n "$1" link set lo up
  ip -n "$1" link set eth0 up
}
plug $two 2
plug $three 3

on() {
  local machine=$1
  shift
  MACHINE=${machine##*-} timeout --kill-after=1 60 ip netns exec "$machine" "$@"
}
address=redis://:secret@10.77.0.1:6379
on $one redis-server --bind 10.77.0.1 --requirepass secret --save '' --dir "$folder" > /dev/null 2>&1 & disown
for _ in {1..50}; do
  if on $one bash -c ': < /dev/tcp/10.77.0.1/6379' 2> /dev/null; then break; fi
  sleep 0.1
done
on $two node --import tsx src/cli/main.ts worker $address --count 1 2> /dev/null & disown
on $three node --import tsx src/cli/main.ts worker $address --count 1 2> /dev/null & disown

program=examples/many-machines/program.ts
on $two node --import tsx $program $address & disown
on $three node --import tsx $program $address & disown
on $one node --import tsx $program $address | while read -r line; do
  echo "$line"
  [ "$line" != 'unplug three' ] || ip -n $one link set cable3 down
done
