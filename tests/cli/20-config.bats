#!/usr/bin/env bats
# Configuration: files, environment, command line; which one holds, and what hsmime config says.

load helper

setup() {
	export HOME=$BATS_TEST_TMPDIR/home XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
	unset HSMIME_MODULE HSMIME_PIN_SOURCE
	mkdir -p "$HOME/.config/hsmime" "$XDG_CONFIG_HOME/hsmime"
	conf=$XDG_CONFIG_HOME/hsmime/hsmime.conf
}

configure() { # line...
	printf '%s\n' '[hsmime]' "$@" >"$conf"
}

# holds NAME VALUE ORIGIN [ARGUMENT...]: what hsmime config says about NAME
holds() {
	local said
	said=$(hsmime config --json "${@:4}" |
		field "[(str(s['value']), s['origin']) for s in d['settings'] if s['name'] == '$1'][0]")
	[ "$said" = "('$2', '$3')" ] || {
		echo "$1: $said, not ('$2', '$3')"
		return 1
	}
}

@test "without any configuration the defaults hold" {
	run_as 0 hsmime config
	reported '^cipher: aes-256-cbc \(default\)$'
	reported '^module: all that p11-kit knows \(default\)$'
	reported "^# $conf \(not there\)$"
	[ -z "$stderr" ]
	holds cipher None default
}

@test "the personal file is read from XDG_CONFIG_HOME and named as the origin" {
	configure cipher=aes-128-gcm pss=true
	run_as 0 hsmime config
	reported "^cipher = aes-128-gcm \($conf\)$"
	reported "^# $conf$"
	holds cipher aes-128-gcm "$conf"
	holds pss True "$conf"
}

@test "without XDG_CONFIG_HOME the personal file is in ~/.config" {
	unset XDG_CONFIG_HOME
	printf '[hsmime]\ndigest=sha384\n' >"$HOME/.config/hsmime/hsmime.conf"
	holds digest sha384 "$HOME/.config/hsmime/hsmime.conf"
	XDG_CONFIG_HOME=relative holds digest sha384 "$HOME/.config/hsmime/hsmime.conf"
	unset HOME
	holds digest None default
}

@test "the environment stands above the file, the command line above both" {
	configure module=/file.so pin-source=file:/file token=FromFile
	holds module /file.so "$conf"
	export HSMIME_MODULE=/environment.so HSMIME_PIN_SOURCE=file:/environment
	holds module /environment.so HSMIME_MODULE
	holds pin-source file:/environment HSMIME_PIN_SOURCE
	holds token FromFile "$conf"
	holds module /option.so 'command line' --module /option.so
	holds pin-source fd:3 'command line' --pin-source=fd:3
	holds token Option 'command line' -t Option
}

@test "an empty variable of the environment is as good as none" {
	configure module=/file.so
	HSMIME_MODULE='' holds module /file.so "$conf"
}

@test "the system's file holds below the personal one" {
	unshare -rm true 2>/dev/null || skip 'no user namespaces here'
	mkdir "$BATS_TEST_TMPDIR/etc"
	mkdir "$BATS_TEST_TMPDIR/etc/hsmime"
	printf '[hsmime]\ncipher=aes-128-cbc\ndigest=sha512\n' >"$BATS_TEST_TMPDIR/etc/hsmime/hsmime.conf"
	configure cipher=aes-256-gcm
	# shellcheck disable=SC2016
	unshare -rm bash -c 'mount --bind "$1" /etc && exec "$2" config' - "$BATS_TEST_TMPDIR/etc" \
		"$HSMIME" >said
	grep -q "^cipher = aes-256-gcm ($conf)$" said
	grep -q '^digest = sha512 (/etc/hsmime/hsmime.conf)$' said
}

@test "lists have several values, and the command line replaces them" {
	configure 'ca=/one.pem;/two with space.pem;' 'cert=/folder'
	run_as 0 hsmime config
	reported '^ca = /one.pem \('
	reported '^ca = /two with space.pem \('
	hsmime config --json >said.json
	[ "$(field "[s['value'] for s in d['settings'] if s['name'] == 'ca']" <said.json)" = \
		"[['/one.pem', '/two with space.pem']]" ]
	run_as 6 hsmime verify --ca /three.pem /dev/null
	said '/three.pem'
}

@test "the files' CAs are used where the command line names none" {
	configure 'ca=/no/such/ca.pem'
	run_as 6 hsmime verify /dev/null
	said '/no/such/ca.pem'
}

@test "a value that is not possible is refused with file, key and choices" {
	configure cipher=rot13
	run_as 2 hsmime config
	explained
	said "^hsmime: $conf: the value of cipher must be one of aes-128-cbc,"
	configure pss=perhaps
	run_as 2 hsmime tokens
	said 'pss must be one of true,false'
}

@test "unknown keys and groups warn with the file and go on" {
	configure colour=blue cipher=aes-128-gcm recipient=/x.pem
	printf '[other]\nx=1\n' >>"$conf"
	run_as 0 hsmime config
	said "^hsmime: warning: $conf: there is no key colour$"
	said 'there is no key recipient$'
	said "^hsmime: warning: $conf: there is no group \[other\]$"
	reported '^cipher = aes-128-gcm '
	run_as 0 hsmime config -q
	[ -z "$stderr" ]
}

@test "a file that is no key file is refused" {
	echo 'cipher=aes-128-gcm' >"$conf"
	run_as 2 hsmime config
	explained
	said "$conf"
	printf '[hsmime]\ntoken=\xff\xfe\n' >"$conf"
	run_as 2 hsmime config
	explained
}

@test "a file that can't be read is refused, not passed over" {
	mkdir "$conf"
	run_as 2 hsmime config
	explained
	said "$conf"
}

# not_root: the user whom permissions hold for runs hsmime config
not_root() {
	if [ "$(id -u)" != 0 ]; then
		hsmime config
	else
		setpriv --reuid=65534 --regid=65534 --clear-groups "$HSMIME" config
	fi
}

@test "a folder that can't be looked into is refused: what it holds must not be passed over" {
	open=$(mktemp -d /tmp/hsmime-config-XXXXXX)
	chmod 755 "$open"
	export XDG_CONFIG_HOME=$open
	not_root >/dev/null || skip 'nobody else can run hsmime here'
	mkdir -m 700 "$open/hsmime"
	printf '[hsmime]\nrequire-authenticated=true\n' >"$open/hsmime/hsmime.conf"
	[ "$(id -u)" = 0 ] || chmod 0 "$open/hsmime"
	run --separate-stderr not_root
	chmod 700 "$open/hsmime"
	rm -r "$open"
	[ "$status" = 2 ]
	explained
	said "^hsmime: $open/hsmime/hsmime.conf: it can't be read: Permission denied$"
}

@test "a loop of links in the file's place is refused, a file in its folder's place is as good as none" {
	ln -s hsmime.conf "$conf"
	run_as 2 hsmime config
	explained
	said "$conf"
	rm -r "$XDG_CONFIG_HOME/hsmime"
	: >"$XDG_CONFIG_HOME/hsmime"
	run_as 0 hsmime config
	reported "^# $conf \(not there\)$"
}

@test "a digest or size that is not possible is refused by every command" {
	for command in config tokens sign verify; do
		configure digest=md5
		run_as 2 hsmime $command </dev/null
		explained
		said "^hsmime: $conf: the value of digest must be one of sha256,sha384,sha512$"
		for size in lots 0 -1 5X 99999999999999999999; do
			configure "spool-max=$size"
			run_as 2 hsmime $command </dev/null
			explained
			said "^hsmime: $conf: the value of spool-max must be octets, or for example 500M or 2G$"
		done
	done
	configure
	for digest in sha224 sha3-256 sha512-256 SHA256; do
		run_as 2 hsmime sign --digest $digest </dev/null
		explained
		said 'it takes one of sha256,sha384,sha512$'
	done
	configure spool-max=500M digest=sha512
	holds spool-max 500M "$conf"
}

@test "a configured --from gives way to a key on the command line" {
	configure from=true
	printf 'From: nobody@example.test\n\nx\n' >mail.eml
	run_as 4 hsmime sign --module /no/such/module.so -k 'pkcs11:id=%01' mail.eml
	run_as 4 hsmime sign --module /no/such/module.so --cms mail.eml
}

@test "what hsmime config knows are the keys of hsmime.conf(5)" {
	hsmime config --json | field '"\n".join(sorted(s["name"] for s in d["settings"]))' >known
	sed -n '/^# KEYS/,/^# GROUPS/s/^\*\([a-z0-9-]*\)\* = .*/\1/p' \
		"$cli_root/docs/man/hsmime.conf.5.scd" | sort >documented
	diff known documented
}
