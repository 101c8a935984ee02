#!/usr/bin/env bats
# Four hosts on one job that die at any moment, are only slow, or lose their database: every message comes to one right
# output. HSMIME_KILLS is how often one is killed over all (12); the order of moments is that of HSMIME_SEED.

load saboteur
load ../cli/archive
load ../cli/hosts

readonly kills=${HSMIME_KILLS:-12}
readonly seed=${HSMIME_SEED:-$RANDOM}

setup_file() {
	new_archive_world
	mailboxes make "$W/many" 400 cbc gcm oaep plain both cbc signed
	mailboxes maildir "$W/many" "$W/box"
	new_database
}

teardown_file() {
	end_database
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	plain=$HSMIME_MODULE
	echo "HSMIME_SEED=$seed"
}

# killed KILLS RESTARTS ARGUMENT...: four hosts, of which one at a time is killed at a random moment and comes back, and
# the server as often as RESTARTS says; at the end all have to end well
killed() {
	sabotage "delay C_Decrypt $((kills * 5000))"
	python3 - "$HSMIME" "$seed" "$cli_root/tests/postgresql" "$@" <<-'PY'
		import os, random, shutil, subprocess, sys, time
		tool, seed, server, kills, restarts, *arguments = sys.argv[1:]
		moments, hits, hosts, starts = random.Random(int(seed)), 0, {}, 0
		def begin(i):
		    global starts
		    starts += 1
		    # SoftHSM writes to its token at a login, and is not made for being killed meanwhile.
		    shutil.rmtree(f"host-{i}", ignore_errors=True)
		    shutil.copytree(os.environ["W"] + "/tokens", f"host-{i}/tokens")
		    conf = open(os.environ["W"] + "/softhsm2.conf").read()
		    open(f"host-{i}/softhsm2.conf", "w").write(
		        conf.replace(os.environ["W"] + "/tokens", os.path.abspath(f"host-{i}/tokens")))
		    env = dict(os.environ, SOFTHSM2_CONF=os.path.abspath(f"host-{i}/softhsm2.conf"),
		               PROXY_COUNTS=os.path.abspath(f"host-{i}/counts"), PROXY_EVENTS=os.path.abspath(f"host-{i}/events"))
		    open(env["PROXY_EVENTS"], "w").close()
		    hosts[i] = subprocess.Popen([tool, "archive", *arguments, "--workers", "4", "--lease", "2"], env=env,
		                                stdout=open(f"said-{starts}", "w"), stderr=subprocess.STDOUT)
		    hosts[i].said = f"said-{starts}"
		for i in range(4):
		    begin(i)
		deeds = ["host"] * int(kills) + ["server"] * int(restarts)
		moments.shuffle(deeds)
		for deed in deeds:
		    time.sleep(moments.uniform(0, 0.5))
		    if deed == "server":
		        subprocess.run([server, "kill", os.environ["PG"]], check=True)
		        time.sleep(moments.uniform(0, 0.3))
		        subprocess.run([server, "start", os.environ["PG"]], check=True)
		        continue
		    i = moments.randrange(4)
		    hits += hosts[i].poll() is None
		    hosts[i].kill()
		    hosts[i].wait()
		    begin(i)
		bad = 0
		for i, host in hosts.items():
		    if host.wait(timeout=240) != 0:
		        bad = 1
		        print(f"status {host.returncode}: {open(host.said).read()}")
		print(f"{kills} times, of which {hits} before its end; {restarts} restarts of the server")
		sys.exit(bad or (int(kills) > 0 and hits == 0))
	PY
}

# complete KIND OUT: all is there once and right, nothing is left over, and the manifest has each
complete() {
	mailboxes check "$1" "$2" "$W/many/want"
	no_drafts "$2" "$2.hsmime"
	outcomes "$2.hsmime" finished=true listed=true waiting=0 failed=0
	[ "$(wc -l <"$2.hsmime/manifest.jsonl")" = 401 ] # and one on the job
	[ "$(field 'sum(h["has"] for h in d["hosts"])' <<<"$output")" = 0 ]
}

@test "kill -9 of one of four hosts at any moment: a tree of files" {
	fingerprint "$W/many/in" >before
	killed "$((kills / 2))" 0 decrypt --in "eml:$W/many/in" --out eml:clear --journal "$database"
	complete eml clear
	mailboxes check-manifest clear.hsmime "$W/many/in" clear
	fingerprint "$W/many/in" | diff before -
}

@test "kill -9 of one of four hosts at any moment: a Maildir" {
	killed "$((kills - kills / 2))" 0 decrypt --in "maildir:$W/box" --out maildir:clear --journal "$database"
	complete maildir clear
	mailboxes check-manifest clear.hsmime "$W/box" clear
}

@test "the server is killed and comes back, and hosts are killed meanwhile" {
	killed "$((kills / 4))" 3 decrypt --in "eml:$W/many/in" --out eml:clear --journal "$database"
	complete eml clear
	mailboxes check-manifest clear.hsmime "$W/many/in" clear
}

# hung_host ACTION ARGUMENT...: a host ($pid) that is well on its way and stands in its token calls, with messages in hand
hung_host() {
	sabotage 'hang C_Decrypt 40'
	own_token 1
	SOFTHSM2_CONF=$PWD/host-1/softhsm2.conf "$HSMIME" archive "$@" --in "eml:$W/many/in" --workers 2 \
		--journal "$database" >out 2>said 3>&- &
	pid=$!
	await_event '^hang C_Decrypt'
}

@test "a host that stands still loses what it had, and changes nothing when it goes on" {
	hung_host rewrap --out eml:new -r "$W/bob.pem" --lease 2
	kill -STOP "$pid"
	own_token 2
	HSMIME_MODULE=$plain as_host 2 "$HSMIME" archive rewrap --in "eml:$W/many/in" --out eml:new -r "$W/bob.pem" --lease 2 \
		--journal "$database" 3>&-
	outcomes new.hsmime finished=true waiting=0 failed=0
	[ "$(field '[h["state"] for h in d["hosts"]]' <<<"$output")" = "['gone', 'left']" ]
	[ "$(field 'sum(h["done"] for h in d["hosts"])' <<<"$output")" = 400 ]
	{ fingerprint new; fingerprint new.hsmime; } | grep -v '^\.hsmime-' >before # drafts come and go
	tell release
	kill -CONT "$pid"
	ends_as 0 "$pid"
	grep -q 'was not heard of for too long' said
	{ fingerprint new; fingerprint new.hsmime; } | grep -v '^\.hsmime-' | diff before -
	no_drafts new new.hsmime
	# What a rewrap writes is never the same twice: the manifest says which it was.
	python3 - new new.hsmime/manifest.jsonl <<-'PY'
		import hashlib, json, sys
		lines = [json.loads(line) for line in open(sys.argv[2])][1:]
		for m in lines:
		    if hashlib.sha256(open(f"{sys.argv[1]}/{m['output']}", "rb").read()).hexdigest() != m["output_sha256"]:
		        sys.exit(f"{m['output']} is not what the manifest says")
		sys.exit(len(lines) != 400)
	PY
}

@test "SIGTERM to one host: what it has is done or given back at once, and the others finish" {
	hung_host decrypt --out eml:clear --lease 600
	kill -TERM "$pid"
	tell 'delay C_Decrypt 300000' release
	ends_as 143 "$pid"
	grep -q 'the same command goes on' said
	run_as 0 hsmime archive status --json clear.hsmime
	[ "$(field '(d["hosts"][0]["state"], d["hosts"][0]["has"], d["finished"])' <<<"$output")" = "('left', 0, False)" ]
	HSMIME_MODULE=$plain hosts 2 decrypt --in "eml:$W/many/in" --out eml:clear --journal "$database"
	complete eml clear
}

@test "a server that stays away stops the run in good order, and it goes on when that is back" {
	hung_host decrypt --out eml:clear --lease 2 --journal-wait 1
	"$cli_root/tests/postgresql" kill "$PG"
	tell release
	ends_as 6 "$pid"
	grep -q 'waiting for the server' said
	grep -q 'what was recorded is there' said
	"$cli_root/tests/postgresql" start "$PG" 3>&-
	HSMIME_MODULE=$plain hosts 2 decrypt --in "eml:$W/many/in" --out eml:clear --journal "$database" --lease 2
	complete eml clear
}
