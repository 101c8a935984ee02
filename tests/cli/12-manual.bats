#!/usr/bin/env bats
# The manual pages, as they are built, against what the tool says of itself.

load helper

setup() {
	cd "$BATS_TEST_TMPDIR"
	PAGES=$HSMIME_BUILD/docs/man
	[ -e "$PAGES/hsmime.1" ] || command -v scdoc >/dev/null ||
		skip 'no scdoc here: this build has no manual pages'
}

# rendered PAGE: as a reader sees it, without emphasis
rendered() {
	mandoc -T utf8 -O width=200 "$1" | col -bx
}

# section PAGE NAME: what stands under that heading
section() {
	rendered "$1" | sed -n "/^$2\$/,/^[A-Z]/p" | sed '1d;/^[A-Z]/d'
}

# documented PAGE: options with letter, name and argument, from the entries of OPTIONS; what
# stands below an entry is indented further
documented() {
	section "$1" OPTIONS | sed -nE 's/^ {7}(-.*[^ ]) *$/\1/p' | sort
}

# known [COMMAND]: the same from --help
known() {
	hsmime "$@" --help | sed -nE 's/^  ( {4})?(-[^ ]+( --[^ ]+)?( [^ ]+)?)  +.*$/\2/p' | sort
}

listed_commands() {
	hsmime --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

@test "every command has a page, and every page of section 1 a command" {
	listed_commands | sed 's/.*/hsmime-&.1/' | sort >commands
	(cd "$PAGES" && printf '%s\n' hsmime-*.1) | sort >pages
	[ -s commands ]
	diff commands pages
}

@test "hsmime(1) lists every command with its page, and no other" {
	listed_commands | sed 's/.*/& hsmime-&(1)/' | sort >commands
	section "$PAGES/hsmime.1" COMMANDS | grep -oE '^ {7}[a-z]+$|hsmime-[a-z]+\(1\)' |
		tr -d ' ' | paste -d ' ' - - | sort >pages
	[ -s commands ]
	diff commands pages
}

@test "every source of a page is built, and names itself" {
	for source in "$cli_root"/docs/man/*.[0-9].scd; do
		page=$(basename "$source" .scd)
		[ "$(rendered "$PAGES/$page" | head -1 | cut -d ' ' -f 1)" = "${page%.*}(${page##*.})" ]
		section "$PAGES/$page" NAME | grep -qE "^ +${page%.*} - [a-z]"
	done
}

@test "the options of each command, with letters and arguments, are those of its page" {
	for command in $(listed_commands); do
		known "$command" >from_help
		documented "$PAGES/hsmime-$command.1" >from_page
		[ "$(wc -l <from_help)" -ge 6 ]
		diff --label "hsmime $command --help" --label "hsmime-$command(1)" -u from_help from_page
	done
}

@test "the options of hsmime itself are those of hsmime(1)" {
	known >from_help
	documented "$PAGES/hsmime.1" >from_page
	grep -qx -- --version from_help
	diff -u from_help from_page
}

# entry OPTION < OPTIONS: its line and what is below it, up to the next entry
entry() {
	sed -nE "/^ {7}(-., )?$1( |$)/,/^ {7}-/p" | sed '1n;/^ \{7\}-/d'
}

@test "what --help names as an option's values is in its page" {
	for command in $(listed_commands); do
		section "$PAGES/hsmime-$command.1" OPTIONS >options
		hsmime "$command" --help | sed -nE 's/^.* (--[a-z-]+) [A-Z|]+  +(.*)$/\1 \2/p' >help
		[ -s help ]
		while read -r option words; do
			entry "$option" <options >text
			grep -oE '\<(aes-[0-9a-z-]+|sha[0-9]+|auto|oaep|pkcs1|der|pem|smime|[a-z]+:[A-Z]+)\>' \
				<<<"$words" >values || continue
			cat values >>all
			while read -r value; do
				grep -qwF -- "$value" text || {
					echo "hsmime-$command(1) does not name $value for $option"
					return 1
				}
			done <values
		done <help
	done
	grep -qx 'env:NAME' all
}

@test "each page has the sections that a reader looks for" {
	for page in "$PAGES"/*.[0-9]; do
		for name in NAME SYNOPSIS DESCRIPTION EXAMPLES ENVIRONMENT FILES 'SECURITY NOTES' \
			'SEE ALSO'; do
			[ -n "$(section "$page" "$name")" ] || {
				echo "${page##*/} has no $name"
				return 1
			}
		done
		[[ $page != *.1 ]] || [ -n "$(section "$page" 'EXIT STATUS')" ]
	done
}

@test "pages that a page refers to are there" {
	for page in "$PAGES"/*.[0-9]; do
		rendered "$page" | grep -oE '\<hsmime[a-z.-]*\([0-9]\)' | tr '(' . | tr -d ')' | sort -u >others
		while read -r other; do
			[ -e "$PAGES/$other" ] || {
				echo "${page##*/} refers to $other"
				return 1
			}
		done <others
	done
}

@test "the defaults that a page says to be in the files are those that hsmime.conf(5) has for it" {
	section "$PAGES/hsmime.conf.5" KEYS |
		sed -nE '/^ {7}[a-z-]+ = /{s/^ +([a-z-]+) = .*/\1/;N;s/\n +/ /;s/:.*//;p}' >keys
	[ "$(wc -l <keys)" -ge 10 ]
	for command in sign verify encrypt decrypt tokens keys doctor pin; do
		grep -E "^[a-z-]+ (Every command|(.*, )?$command\>)" keys | cut -d ' ' -f 1 | sort >expected
		section "$PAGES/hsmime-$command.1" FILES | tr -s '\n' ' ' |
			sed -E 's/.*Defaults for ([^;]*);.*/\1/; s/ and /,/' | tr -d ' ' | tr ',' '\n' |
			sort >on_page
		diff -u expected on_page
	done
}

# scdoc writes an empty paragraph before each heading and entry, which mandoc skips and
# tells; nothing in a page's source can change that. Everything else counts.
@test "mandoc finds nothing wrong with a page" {
	for page in "$PAGES"/*.[0-9]; do
		mandoc -T lint -W warning "$page" >>findings || [ $? -le 4 ] # 5: mandoc itself failed
	done
	sed -i '/skipping paragraph macro: PP \(empty\|after S[HS]\)$/d' findings
	cat findings
	[ ! -s findings ]
}
