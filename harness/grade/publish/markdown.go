package publish

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/harness/grade"
)

// mostMarkdown is how long a summary is at most: GitHub takes none above 1,024 KiB, and other steps may have written to it.
const mostMarkdown = 500 << 10

// markdown makes a summary that GitHub's pages show.
func markdown(r *grade.Result) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s: %s\n\n%s\n\n", plain(labOf(r)), scoreOf(r), plain(oneLine(r.Submission)))
	for _, n := range notes(r) {
		fmt.Fprintf(&b, "%s\n\n", plain(n))
	}
	b.WriteString("| test | | marks | what it asks for |\n|---|---|---:|---|\n")
	for _, x := range rows(r) {
		fmt.Fprintf(&b, "| %s | %s | %d / %d | %s |\n", plain(x.Name), kindOf(x), x.Score, x.Most, plain(x.Rule))
	}
	const more = "\nThe rest has no room here.\n"
	for _, x := range rows(r) {
		if x.Says == "" || x.Passed {
			continue
		}
		part := fmt.Sprintf("\n### %s: %s\n\n%s\n", plain(x.Name), lostOf(x), fenced(x.Says))
		if b.Len()+len(part)+len(more) > mostMarkdown {
			b.WriteString(more)
			break
		}
		b.WriteString(part)
	}
	return []byte(b.String())
}

func kindOf(x row) string {
	if x.Public {
		return "public"
	}
	return ""
}

// plain escapes what Markdown, or the HTML in it, would read as more than text. Entities stand for what begins a mention, a link or a
// tag, so that nobody is told of a grading because of a submission's name.
func plain(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#", `\#`, "@", "&#64;", ":", "&#58;", "\n", " ").
		Replace(visible(s))
}

// fenced shows text as it is. The fence is longer than any in the text, so that the text cannot end it.
func fenced(s string) string {
	longest, run := 0, 0
	for _, c := range s {
		if c != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", max(3, longest+1))
	return fence + "text\n" + visible(s) + "\n" + fence
}
