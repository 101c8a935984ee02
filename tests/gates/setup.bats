#!/usr/bin/env bats
# scripts/setup: PostgreSQL comes without a cluster of its own, and what the machine's administrator said counts. Programs
# of the test's own stand for apt-get, dpkg-query and sudo, and a folder for /etc.

setup() {
	setup=$BATS_TEST_DIRNAME/../../scripts/setup
	cd "$BATS_TEST_TMPDIR"
	mkdir bin etc
	export HSMIME_SETUP_ETC=$PWD/etc PATH=$PWD/bin:$PATH seen=$PWD/seen installed=$PWD/installed
	: >installed
	# As the package reads it when it is installed.
	program apt-get 'cat "$HSMIME_SETUP_ETC"/postgresql-common/createcluster.d/*.conf >"$seen" 2>/dev/null
		exit "${apt_status:-0}"'
	program dpkg-query 'case $* in
		*Package*) sed "s/$/ installed/" "$installed" ;;
		*postgresql*) ! : ;;
		*) echo installed ;;
		esac'
	program sudo 'exec "$@"'
	dropin=etc/postgresql-common/createcluster.d/hsmime-setup.conf
}

program() { # name, what it does
	printf '#!/bin/bash\n%s\n' "$2" >"bin/$1"
	chmod +x "bin/$1"
}

# comes WORDS: scripts/setup installs the server, which sees these settings; afterwards /etc is as it was
comes() {
	local before
	before=$(find etc | sort)
	bash "$setup" test
	[ "$(cat seen)" = "$1" ]
	[ "$(find etc ! -path etc/postgresql-common | sort)" = "$(grep -vx etc/postgresql-common <<<"$before")" ]
}

@test "a first server comes without a cluster, and nothing of that stays" {
	comes 'create_main_cluster = false'
	[ ! -e "$dropin" ]
}

@test "neither does it stay where the installation fails" {
	export apt_status=100
	run bash "$setup" test
	[ "$status" != 0 ]
	[ "$(cat seen)" = 'create_main_cluster = false' ]
	[ ! -e etc/postgresql-common/createcluster.d ]
}

@test "where a server, or a cluster, is there already nothing is said" {
	echo postgresql-15 >installed
	comes ''
	: >installed
	mkdir -p etc/postgresql/13/main
	comes ''
}

@test "a client alone, or the common files, are no server" {
	printf '%s\n' postgresql-client-15 postgresql-common postgresql-15-plugin >installed
	mkdir -p etc/postgresql-common
	printf "#create_main_cluster = true\ninclude_dir 'createcluster.d'\n" >etc/postgresql-common/createcluster.conf
	comes 'create_main_cluster = false'
}

@test "what the administrator configured counts, and stays" {
	mkdir -p etc/postgresql-common/createcluster.d
	echo 'create_main_cluster = true' >etc/postgresql-common/createcluster.d/own.conf
	comes 'create_main_cluster = true'
	rm etc/postgresql-common/createcluster.d/own.conf
	echo ' create_main_cluster = on' >etc/postgresql-common/createcluster.conf
	comes ''
	# Of other settings it is none.
	echo "ssl = off" >etc/postgresql-common/createcluster.conf
	echo "data_checksums = on" >etc/postgresql-common/createcluster.d/own.conf
	comes $'create_main_cluster = false\ndata_checksums = on'
	[ -e etc/postgresql-common/createcluster.d/own.conf ]
}

@test "a group without the server has nothing to do with it" {
	program dpkg-query 'case $* in *Package*) : ;; *) ! : ;; esac'
	bash "$setup" build
	[ ! -s seen ]
	[ ! -e etc/postgresql-common ]
}
