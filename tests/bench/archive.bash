# Benchmarks of whole mailboxes, for tests/bench/run, whose variables these are.
# shellcheck disable=SC2154

bench_count() { # an mbox in page cache: its messages of 20 KB, encrypted, all alike
	local copies size ours goal=0.2
	heading "$mbox_megabytes MB of mbox" hsmime cat ratio
	head -c 10600 /dev/urandom | base64 -w 72 >content
	openssl cms -encrypt -aes-256-cbc -in content -out encrypted soft.pem
	{
		printf 'From a@example.test Fri Jul  1 09:13:09 1994\n'
		printf 'From: a@example.test\nDate: Fri, 1 Jul 1994 09:13:09 +0000\n'
		cat encrypted
		echo
	} >one
	for ((copies = 0; copies < 50; copies++)); do cat one; done >fifty
	size=$(stat -c %s fifty)
	for ((copies = mbox_megabytes * 1000000 / size; copies > 0; copies--)); do cat fifty; done >mbox
	size=$(stat -c %s mbox)
	compare 9 -- "$hsmime" archive count --in mbox:mbox -- cat mbox
	ours=$(rate "${wall[0]}" "$size")
	# Where it is a GB/s it is enough, however fast the memory is.
	[ -z "$ours" ] || awk -v ours="$ours" 'BEGIN { exit ours < 1000 }' && goal=
	row 'count, mbox of 20 KB messages' "$ours" "$(rate "${wall[1]}" "$size")" a/b '>=' "$goal" MB/s
	rm -f content encrypted one fifty mbox
}

make_maildir() { # folder, number of messages: all of them encrypted for alice, 20 KB, with a key of their own or not
	local i
	mkdir -p "$1"/{cur,new,tmp}
	for ((i = 0; i < 20; i++)); do
		"$hsmime" encrypt -q --force-recipient -r alice.pem -o "one.$i" mail.eml
	done
	for ((i = 0; i < $2; i++)); do
		cp "one.$((i % ${3:-20}))" "$1/cur/$((1000000000 + i)).bench:2,S"
	done
	rm -f one.*
}

per_second() { # milliseconds or nothing, number: in a second
	[ -z "$1" ] || awk -v ms="$1" -v n="$2" 'BEGIN { printf "%.1f", n * 1000 / ms }'
}

archive() { # folder, Maildir, option...: a command that decrypts it into a new one
	printf 'rm -rf %q/out %q/out.hsmime; exec %q archive decrypt -q --in maildir:%q --out maildir:%q/out' \
		"$1" "$1" "$hsmime" "$2" "$1"
	[ $# -eq 2 ] || printf ' %q' "${@:3}"
	echo
}

bench_archive() { # whole mailboxes, beside the raw token and a pipeline of openssl
	local memory disk=$scratch/disk rates raw ours openssl files part_of=$((messages / 10))
	in_memory
	heading "$messages messages of 20 KB" hsmime peer ratio
	mkdir -p "$disk"
	make_maildir "$memory/in" "$messages"
	key_operations rsa-decrypt 2
	raw=${rates[2]}
	compare 5 -- sh -c "$(archive "$memory" "$memory/in")" -- sh -c "$(archive "$disk" "$memory/in")"
	ours=$(per_second "${wall[0]}" "$messages")
	row 'decrypt on tmpfs, against the raw token' "$ours" "$raw" a/b '>=' 0.88 1/s
	row 'decrypt to disk, against the raw token' "$(per_second "${wall[1]}" "$messages")" "$raw" a/b '>=' 0.75 1/s
	engine_config "$softhsm"
	read -r -a openssl < <(engine_cms -decrypt -recip "$scratch/alice.pem" -in {} -out {}.out)
	mkdir "$memory/few"
	files=("$memory"/in/cur/*)
	cp -t "$memory/few" "${files[@]:0:part_of}"
	compare 1 -- sh -c "find $memory/few -name '*S' | xargs -P2 -I{} ${openssl[*]}; true"
	row 'decrypt, against xargs -P2 openssl cms' "$ours" "$(per_second "${wall[0]}" "$part_of")" a/b '>=' 14 1/s
	bench_archive_far
	rm -rf "$memory" "$disk"
}

bench_archive_far() { # a token with 2 ms at C_Decrypt, that costs no processor
	export LATENCY_MODULE=$softhsm LATENCY_REPLAY=1 LATENCY_CRYPTO_US=2000
	rm -rf "$memory/in"
	make_maildir "$memory/in" "$((messages * 10))" 1
	HSMIME_MODULE=$programs/latency.so compare 3 -- sh -c "$(archive "$memory" "$memory/in" --workers 32)"
	row "$((messages * 10)) with 2 ms at C_Decrypt, 32 workers" \
		"$(per_second "${wall[0]}" "$((messages * 10))")" 16000 a '>=' 9000 1/s
	unset LATENCY_MODULE LATENCY_REPLAY LATENCY_CRYPTO_US
}

in_memory() { # a new folder there, in $memory
	memory=$(mktemp -d /dev/shm/hsmime-bench.XXXXXX)
}

bench_rewrap() { # other recipients, with the content key proved, beside decryption and beside copying
	local memory big=$scratch/big rewrap
	in_memory
	heading "rewrap $messages messages of 20 KB, and one of $megabytes MB" hsmime peer ratio
	make_maildir "$memory/in" "$messages"
	printf -v rewrap 'rm -rf %q/new %q/new.hsmime; exec %q archive rewrap -q --in maildir:%q/in --out maildir:%q/new -r soft.pem --force-recipient' \
		"$memory" "$memory" "$hsmime" "$memory" "$memory"
	compare 5 -- sh -c "$rewrap" -- sh -c "$(archive "$memory" "$memory/in")"
	row 'rewrap on tmpfs, against decrypt' "$(per_second "${wall[0]}" "$messages")" \
		"$(per_second "${wall[1]}" "$messages")" a/b '>=' 0.95 1/s
	rm -rf "$memory"
	mkdir -p "$big/in"
	{
		printf 'Content-Type: text/plain\n\n'
		head -c "$((megabytes * 1048576))" /dev/zero
	} | "$hsmime" encrypt -q --cms --force-recipient --format der -r alice.pem -o "$big/in/one.p7m"
	printf -v rewrap 'rm -rf %q/new %q/new.hsmime; exec %q archive rewrap -q --in eml:%q/in --out eml:%q/new -r soft.pem --force-recipient' \
		"$big" "$big" "$hsmime" "$big" "$big"
	compare 3 -- sh -c "$rewrap" \
		-- sh -c "rm -f $big/copy; cat $big/in/one.p7m >$big/copy && sync $big/copy"
	row "rewrap one of $megabytes MB, against cat" "$(speed "${wall[0]}")" "$(speed "${wall[1]}")" a/b '>=' 0.7 MB/s
	rm -rf "$big"
}

small_mbox() { # file, number of messages of 1 KB, all alike
	local hundred=$1.hundred
	printf 'From: alice@example.test\nContent-Type: text/plain\n\nsmall\n' | "$hsmime" encrypt -q --force-recipient -r alice.pem -o small.eml
	local copies
	for ((copies = 0; copies < 100; copies++)); do
		printf 'From a@example.test Fri Jul  1 09:13:09 1994\n'
		cat small.eml
		echo
	done >"$hundred"
	for ((copies = 0; copies < $2 / 100; copies++)); do cat "$hundred"; done >"$1"
	rm "$hundred"
}

archive_mbox() { # folder, option...: a command that decrypts its file mbox into a Maildir
	printf '%q archive decrypt --in mbox:%q/mbox --out maildir:%q/out --keys %q' "$hsmime" "$1" "$1" "$uri"
	[ $# -eq 1 ] || printf ' %q' "${@:2}"
	echo
}

decrypted() { # folder: how many the job there has
	"$hsmime" archive status --json "$1/out.hsmime" | sed -n 's/.*"decrypted": \([0-9]*\).*/\1/p'
}

grow() { # number of messages, rounds: sets wall
	small_mbox "$memory/mbox" "$1"
	compare "$2" -- sh -c "rm -rf $memory/out $memory/out.hsmime; exec $(archive_mbox "$memory" -q)"
}

bench_growth() { # an archive that is a hundred times as large goes as fast, and goes on at once
	local memory few=$((growth / 100)) small before after job
	in_memory
	heading "archives of $few and $growth messages" "$growth" "$few" ratio
	export LATENCY_MODULE=$softhsm LATENCY_REPLAY=1 HSMIME_MODULE=$programs/latency.so
	grow "$few" 3
	small=$(per_second "${wall[0]}" "$few")
	grow "$growth" 1
	row 'messages a second' "$(per_second "${wall[0]}" "$growth")" "$small" a/b '>=' 0.95 1/s
	rm -rf "$memory"/out*
	sh -c "exec $(archive_mbox "$memory" -q)" &
	job=$!
	# Half of it, and dead.
	until [ "$(decrypted "$memory" 2>/dev/null || echo 0)" -ge $((growth / 2)) ]; do
		kill -0 "$job" 2>/dev/null || break
		sleep 0.2
	done
	kill -9 "$job" 2>/dev/null || true
	wait "$job" || true
	before=$(decrypted "$memory")
	sh -c "exec timeout -s INT 2 $(archive_mbox "$memory" -q)" || true
	after=$(decrypted "$memory")
	row 'messages in the first 2 seconds after a kill' $((after - before)) "$before" a '>=' 1 ''
	HSMIME_MODULE=$softhsm
	unset LATENCY_MODULE LATENCY_REPLAY
	rm -rf "$memory"
}

# As many workers as one host's token is to be the limit for, on a machine whose processors both hosts share.
host_workers=2

host() { # number, folder, database: one process of those that do the job there, with a token of its own
	printf 'SOFTHSM2_CONF=%q/host-%s/softhsm2.conf HSMIME_PIN_SOURCE=file:%q/pin %q archive decrypt -q --workers %s' \
		"$2" "$1" "$scratch" "$hsmime" "$host_workers"
	printf ' --in maildir:%q/in --out maildir:%q/out --journal %q' "$2" "$2" "$3"
}

bench_hosts() { # two hosts with a token each, whose journal is in PostgreSQL, beside one
	local memory database i count=$((messages * 5))
	command -v psql >/dev/null || { echo 'hosts: no PostgreSQL here' && return; }
	in_memory
	chmod 711 "$memory"
	heading "$count messages, 2 ms at C_Decrypt, $host_workers workers each, PostgreSQL" 'two hosts' 'one host' ratio
	make_maildir "$memory/in" "$count" 1
	for i in 1 2; do
		mkdir "$memory/host-$i"
		cp -r "$scratch/tokens" "$memory/host-$i/tokens"
		sed "s|$scratch/tokens|$memory/host-$i/tokens|" "$scratch/softhsm2.conf" >"$memory/host-$i/softhsm2.conf"
	done
	"$root/tests/postgresql" make "$memory/pg"
	database="postgresql:///postgres?host=$memory/pg&user=hsmime"
	export LATENCY_MODULE=$softhsm LATENCY_REPLAY=1 LATENCY_CRYPTO_US=2000 HSMIME_MODULE=$programs/latency.so
	cat >"$memory/clean" <<-SH
		rm -rf $memory/out $memory/out.hsmime
		psql -qAtX '$database' -c "SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
			WHERE nspname !~ '^(pg_|information_schema|public)'" | psql -qX '$database' 2>/dev/null
	SH
	compare 3 -- sh -c ". $memory/clean; exec env $(host 1 "$memory" "$database")" \
		-- sh -c ". $memory/clean; $(host 1 "$memory" "$database") & one=\$!; $(host 2 "$memory" "$database") && wait \$one"
	row 'two hosts, against one' "$(per_second "${wall[1]}" "$count")" "$(per_second "${wall[0]}" "$count")" a/b '>=' 1.8 1/s
	"$root/tests/postgresql" stop "$memory/pg"
	HSMIME_MODULE=$softhsm
	unset LATENCY_MODULE LATENCY_REPLAY LATENCY_CRYPTO_US
	rm -rf "$memory"
}
