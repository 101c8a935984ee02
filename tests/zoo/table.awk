# The members' matrices side by side, as a table in Markdown. Each file is one member's, in the
# order of the variable members.
FNR == 1 { column++ }
{
	if (!($1 in row)) {
		row[$1] = ++rows
		name[rows] = $1
	}
	cell[row[$1], column] = $2
}
END {
	count = split(members, title, " ")
	printf "| |"
	for (i = 1; i <= count; i++)
		printf " %s |", title[i]
	printf "\n|---|"
	for (i = 1; i <= count; i++)
		printf "---|"
	print ""
	for (r = 1; r <= rows; r++) {
		printf "| %s |", name[r]
		for (i = 1; i <= count; i++)
			printf " %s |", cell[r, i]
		print ""
	}
}
