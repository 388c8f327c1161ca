#!/bin/sh
# Runs the demo nodes of Maelstrom's repository, as they are, and writes the table of docs/maelstrom.md:
#
#	docs/maelstrom-demos.sh CHECKOUT [FIRSTGAP]
#
# CHECKOUT is a working copy of github.com/jepsen-io/maelstrom; FIRSTGAP is the command, by default firstgap on the path. It needs go,
# python3 (3.11), node and ruby. A line is a workload, flags, a program below demo/, and the verdict that Maelstrom's documentation
# states for it. Behind @ stands an edit of sed, for a mistake that the documentation's chapters make on the way: the demo itself is right.
# It ends with 1 when a verdict is another one.
set -u
checkout=$(cd "${1:?usage: maelstrom-demos.sh CHECKOUT [FIRSTGAP]}" && pwd) || exit 2
firstgap=${2:-firstgap}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
(cd "$checkout/demo/go" && GOFLAGS=-mod=mod go build -o "$work/maelstrom-echo" ./cmd/maelstrom-echo) || exit 2
none="--nemesis none"
cut="--nemesis partition --seed 11"
wall="--clock wall --recovery 5s"
other=0
echo "| workload | flags | program | expected | here | what was found |"
echo "|---|---|---|---|---|---|"
while IFS='|' read -r workload flags program expected; do
	[ -n "$workload" ] || continue
	demo=$checkout/demo
	file=${program%%@*}
	if [ "$file" != "$program" ]; then
		rm -rf "$work/demo" && cp -r "$checkout/demo" "$work/demo" || exit 2
		demo=$work/demo
		sed -i "${program#*@}" "$demo/$file" || exit 2
		cmp -s "$demo/$file" "$checkout/demo/$file" && exit 2 # the edit fits no line any more
	fi
	case $file in
	go/*) command=$work/maelstrom-echo ;;
	*.py) command="python3 $demo/$file" ;;
	*.js) command="node $demo/$file" ;;
	*.rb) command="ruby $demo/$file" ;;
	esac
	# shellcheck disable=SC2086 # flags and commands are words
	$firstgap test maelstrom "$workload" --runs 1 --time-limit 5 --explain 0s --out "$work/report" $flags -- $command >"$work/out" 2>"$work/err" </dev/null
	case $? in 0) verdict=pass ;; 1) verdict=violation ;; *) verdict="could not tell" ;; esac
	found=$(sed -n 's/^  \(contract\|sanity\|progress\|determinism\): \([^:]*\).*/\1: \2/p' "$work/out" | sort | uniq | head -3 | tr '\n' ';' | sed 's/;$//; s/;/; /g; s/|/\\|/g')
	[ "$verdict" = "$expected" ] || { other=1; [ -n "$found" ] || found=$(tail -1 "$work/err"); }
	echo "| $workload | \`$flags\` | $program | $expected | $verdict | $found |"
done <<END
echo||go/cmd/maelstrom-echo|pass
echo||python/echo.py|pass
echo||js/echo.js|pass
echo||js/echo_minimal.js|pass
echo||ruby/echo.rb|pass
echo||ruby/echo_full.rb|pass
broadcast|$none $wall|python/broadcast.py|pass
broadcast|$cut $wall|python/broadcast.py|pass
broadcast|$none|ruby/broadcast.rb|pass
broadcast|$cut --runs 4|ruby/broadcast.rb|violation
broadcast|$none $wall|js/gossip.js|pass
broadcast|$cut $wall|js/gossip.js|pass
g-set|$cut $wall|ruby/g_set.rb|pass
g-set|$cut $wall|js/crdt_gset.js|pass
g-set|$none $wall|ruby/g_set.rb@s/every 5 do/every 5000 do/|violation
pn-counter|$cut $wall|ruby/pn_counter.rb|pass
pn-counter|$cut $wall|js/crdt_pn_counter.js|pass
g-counter|$cut $wall|ruby/pn_counter.rb|pass
lin-kv|$none|ruby/lin_kv_proxy.rb|pass
lin-kv|$cut|ruby/lin_kv_proxy.rb|pass
lin-kv|$none --concurrency 2n|ruby/lin_kv_proxy.rb@s/lin-kv/seq-kv/|violation
lin-kv|$none --concurrency 2n|ruby/lin_kv_proxy.rb@s/lin-kv/lww-kv/|violation
txn-list-append|$none|js/single_key_txn.js|pass
txn-list-append|$none|js/single_key_txn.js@s/'lin-kv'/'seq-kv'/|violation
txn-list-append|$none|js/multi_key_txn.js|pass
txn-list-append|$none $wall|ruby/datomic_list_append.rb|pass
lin-kv|$cut $wall --node-count 3 --time-limit 15|ruby/raft.rb|pass
lin-kv|$cut $wall --node-count 3 --time-limit 15|python/raft.py|pass
END
exit $other
