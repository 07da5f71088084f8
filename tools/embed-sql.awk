# Turns sql/*.sql into C: awk -v out=build/gen/sql -f embed-sql.awk FILE...
# writes sql.h and sql.c.  Understands, one to a line, beginning the line:
#
#   -- name: product_create :one     a statement and the rows it may answer:
#                                    :one :opt :many :exec
#   -- fragment: product_json        text that {{product_json}} stands for, in
#                                    any file, in fragments too
#
# In a statement @slug is a named argument: the first to appear is $1, and a
# member of struct sql_product_create_args.  Quoted text, comments (which are
# dropped) and operators such as @> are left alone.  What could only fail
# later, at PREPARE, stops the build here with file and line.

function fail(where, why)
{
	printf("%s: %s\n", where, why) > "/dev/stderr"
	failed = 1
	exit 1
}

# Leave room to quote, comment, close: one pass over the text, state across
# lines.  With strip, comments go; without, @name becomes $n.
function lex(text, where, strip, key,    n, i, c, two, state, result, word) {
	n = length(text)
	state = ""
	result = ""
	for (i = 1; i <= n; i++) {
		c = substr(text, i, 1)
		two = substr(text, i, 2)
		if (state == "--") {
			if (c == "\n") {
				state = ""
				result = result c
			}
		} else if (state == "/*") {
			if (two == "*/") {
				state = ""
				i++
			}
		} else if (state != "") {
			result = result c
			if (c == "\\" && state == "e'") {
				result = result substr(text, ++i, 1)
			} else if (c == substr(state, length(state))) {
				state = ""
			}
		} else if (strip && two == "--") {
			state = two
			i++
		} else if (strip && two == "/*") {
			state = two
			i++
		} else if (c == "'" || c == "\"") {
			state = c
			if (c == "'" && tolower(substr(text, i - 1, 1)) == "e" &&
			    substr(text, i - 2, 1) !~ /[A-Za-z0-9_]/)
				state = "e'"
			result = result c
		} else if (c == "$" && substr(text, i + 1, 1) ~ /[0-9$]/) {
			fail(where, "write @name instead of $n, and no dollar quotes")
		} else if (!strip && c == ";") {
			if (substr(text, i + 1) !~ /^[ \t\n]*$/)
				fail(where, "more than one statement")
		} else if (!strip && c == "@" && substr(text, i + 1, 1) ~ /[a-z_]/ &&
		    substr(text, i - 1, 1) != "@") {
			if (substr(text, i - 1, 1) ~ /[<&~|#]/)
				fail(where, "operator or argument? put a space before @")
			match(substr(text, i + 1), /^[a-z_][a-z0-9_]*/)
			word = substr(text, i + 1, RLENGTH)
			i += RLENGTH
			result = result "$" argument(key, word, where)
		} else {
			result = result c
		}
	}
	if (state != "" && state != "--")
		fail(where, "quote or comment is never closed")
	return result
}

function argument(key, word, where)
{
	if ((" int char long short float double signed unsigned void const " \
	    "default switch case for if else while do return goto break " \
	    "continue struct union enum static extern register volatile auto " \
	    "sizeof typedef inline restrict none ") ~ (" " word " "))
		fail(where, "@" word " can't be the name of a struct's member")
	if (!((key, word) in place)) {
		place[key, word] = ++nargs[key]
		arg[key, nargs[key]] = word
	}
	return place[key, word]
}

function expand(text, where, depth,    before, word, rest)
{
	if (depth > 16)
		fail(where, "fragments contain each other")
	before = ""
	while (match(text, /\{\{[^}]*\}\}/)) {
		word = substr(text, RSTART + 2, RLENGTH - 4)
		if (!(word in fragment))
			fail(where, "unknown fragment {{" word "}}")
		before = before substr(text, 1, RSTART - 1)
		rest = substr(text, RSTART + RLENGTH)
		before = before \
		    expand(trim(stripped["f", word]), fragment[word], depth + 1)
		text = rest
	}
	return before text
}

function trim(text)
{
	gsub(/[ \t]+\n/, "\n", text)
	gsub(/\n\n+/, "\n", text)
	sub(/^[ \t\n]+/, "", text)
	sub(/[ \t\n;]+$/, "", text)
	return text
}

function literal(text)
{
	gsub(/\\/, "&&", text)
	gsub(/"/, "\\\"", text)
	gsub(/\?/, "\\?", text)
	gsub(/\t/, "\\t", text)
	gsub(/\n/, "\\n\"\n\t    \"", text)
	return "\"" text "\""
}

function declared(kind, name, why)
{
	if (name !~ /^[a-z][a-z0-9_]*$/)
		fail(FILENAME ":" FNR, "bad name in: " $0)
	if ((kind, name) in raw)
		fail(FILENAME ":" FNR, why " " name " is already at " \
		    at[kind, name])
	at[kind, name] = FILENAME ":" FNR
	raw[kind, name] = ""
	inkind = kind
	inname = name
}

FNR == 1 {
	inname = ""
}

/^-- *name:/ {
	if (NF != 4 || $2 != "name:")
		fail(FILENAME ":" FNR, "want: -- name: resource_verb :shape")
	if ($4 !~ /^:(one|opt|many|exec)$/)
		fail(FILENAME ":" FNR, "shape must be :one, :opt, :many or :exec")
	declared("s", $3, "statement")
	statement[++statements] = $3
	shape[$3] = "SQL_" toupper(substr($4, 2))
	next
}

/^-- *fragment:/ {
	if (NF != 3 || $2 != "fragment:")
		fail(FILENAME ":" FNR, "want: -- fragment: name")
	declared("f", $3, "fragment")
	fragment[$3] = FILENAME ":" FNR
	next
}

inname != "" {
	raw[inkind, inname] = raw[inkind, inname] $0 "\n"
	next
}

!/^[ \t]*(--.*)?$/ {
	fail(FILENAME ":" FNR, "text that belongs to no statement")
}

function write_header(file,    i, j, name)
{
	print "/* Made from sql/ by tools/embed-sql.awk. */" > file
	print "#ifndef GEN_SQL_H\n#define GEN_SQL_H\n" > file
	print "#include \"db/statement.h\"\n" > file
	for (i = 1; i <= statements; i++) {
		name = statement[i]
		print "struct sql_" name "_args {" > file
		for (j = 1; j <= nargs[name]; j++)
			print "\tconst char\t*" arg[name, j] ";" > file
		if (nargs[name] == 0)
			print "\tconst char\t*none;" > file
		print "};" > file
		print "extern const struct sql_stmt sql_" name ";\n" > file
	}
	print "extern const struct sql_stmt *const sql_statements[];" > file
	print "extern const unsigned int sql_statement_count;\n\n#endif" > file
	close(file)
}

function write_source(file,    i, j, name)
{
	print "/* Made from sql/ by tools/embed-sql.awk. */" > file
	print "#include <stddef.h>\n\n#include \"sql.h\"\n" > file
	for (i = 1; i <= statements; i++) {
		name = statement[i]
		if (nargs[name] > 0) {
			print "static const char *const args_" name "[] = {" > file
			for (j = 1; j <= nargs[name]; j++)
				print "\t\"" arg[name, j] "\"," > file
			print "};" > file
		}
		print "const struct sql_stmt sql_" name " = {" > file
		print "\t.name = \"" name "\"," > file
		print "\t.text = " literal(final[name]) "," > file
		print "\t.args = " (nargs[name] ? "args_" name : "NULL") "," > file
		print "\t.nargs = " nargs[name] + 0 "," > file
		print "\t.index = " i - 1 "," > file
		print "\t.shape = " shape[name] "," > file
		print "};\n" > file
	}
	print "const struct sql_stmt *const sql_statements[] = {" > file
	for (i = 1; i <= statements; i++)
		print "\t&sql_" statement[i] "," > file
	print "\tNULL\n};" > file
	print "const unsigned int sql_statement_count = " statements + 0 ";" > file
	close(file)
}

END {
	if (failed)
		exit 1
	for (name in fragment)
		stripped["f", name] = lex(raw["f", name], at["f", name], 1)
	for (i = 1; i <= statements; i++) {
		name = statement[i]
		where = at["s", name]
		text = lex(raw["s", name], where, 1)
		text = trim(expand(text, where, 0))
		if (text == "")
			fail(where, "no text")
		final[name] = lex(text, where, 0, name)
	}
	write_header(out ".h.new")
	write_source(out ".c.new")
	# An unchanged header keeps its date, so that nothing is rebuilt for it.
	if (system("mv " out ".c.new " out ".c && { cmp -s " out ".h.new " \
	    out ".h && rm " out ".h.new || mv " out ".h.new " out ".h; }") != 0)
		exit 1
}
