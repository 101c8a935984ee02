# A display in memory, and hands for the windows that appear there.
# What is typed are keys of its German keyboard: characters that it lacks would have the keyboard
# changed while the program reads it.

# start_display: sets $SCREEN, what DISPLAY is to be, and $XAUTHORITY; the server lets in who knows the
# latter, and ends with end_display or with the shell that started it
start_display() {
	local fd
	export XAUTHORITY=$W/Xauthority
	{ printf '\377\377\0\0\0\0\0\022MIT-MAGIC-COOKIE-1\0\020'; head -c 16 /dev/urandom; } >"$XAUTHORITY"
	exec {fd}< <(exec setpriv --pdeathsig TERM Xvfb -displayfd 1 -nolisten tcp -noreset \
		-auth "$XAUTHORITY" -screen 0 1024x768x24 2>"$W/Xvfb.log" 3>&-)
	export XVFB=$!
	read -r -t 60 -u "$fd" SCREEN || {
		cat "$W/Xvfb.log"
		return 1
	}
	exec {fd}<&-
	export SCREEN=:$SCREEN
	DISPLAY=$SCREEN setxkbmap de
}

end_display() {
	kill "$XVFB"
}

# begin ARGUMENT...: the tool as a desktop starts it, in the background ($pid), its words in ./words
begin() {
	setsid --wait "$HSMIME" "$@" </dev/null >words 2>&1 3>&- &
	pid=$!
	asker=''
}

# appears: another window than that of the last call is there and has the keyboard; its process is
# $asker, itself $window
appears() {
	local now deadline=$((SECONDS + 60))
	until window=$(xdotool search --onlyvisible --name '^hsmime$' 2>/dev/null) &&
		now=$(xdotool getwindowpid "$window" 2>/dev/null) && [ "$now" != "$asker" ]; do
		[ $SECONDS -lt $deadline ] || {
			echo "no window; $(cat words)"
			return 1
		}
		sleep 0.05
	done
	asker=$now
	timeout 60 xdotool windowfocus --sync "$window"
}

# fill TEXT: typed into the window that is there, and Return
fill() {
	timeout 60 xdotool type -- "$1"
	xdotool key Return
}

# answer TEXT: the same, into the window that appears
answer() {
	appears
	fill "$1"
}

width() {
	xdotool getwindowgeometry --shell "$window" | sed -n 's/^WIDTH=//p'
}

# press KEY: in the window that appears
press() {
	appears
	xdotool key "$1"
}

# ends STATUS: what was begun ends with it; its words are $stderr
ends() {
	local status=0
	wait "$pid" || status=$?
	stderr=$(<words)
	[ "$status" = "$1" ] || {
		echo "expected status $1, got $status: $stderr"
		return 1
	}
}
