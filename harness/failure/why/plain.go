package why

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/firstgap/firstgap/impl/node"
)

// nodeIn is what models call a node of which they know nothing but its address.
var nodeIn = regexp.MustCompile(`\bnode (\d+)\b`)

// naming calls the nodes in a text by their names, each once where it stands twice in a row.
func (n names) naming(text string) string {
	return nodeIn.ReplaceAllStringFunc(text, func(s string) string {
		id, err := strconv.ParseUint(strings.TrimPrefix(s, "node "), 10, 64)
		if err != nil || id == 0 || id > math.MaxUint16 {
			return s
		}
		if name := n.of(node.ID(id)); !strings.HasPrefix(name, "process ") {
			return name
		}
		return s
	})
}

// plain says of an explanation in sentences what models and checks say in their own terms, and calls nodes by their names.
func (w *What) plain(name func(node.ID) string) {
	n := names(name)
	for _, s := range []*string{&w.Headline, &w.Finding.Subject, &w.Finding.Expected, &w.Finding.Found} {
		*s = n.naming(*s)
	}
	if w.Bad != nil {
		w.Bad.Words = n.naming(w.Bad.Words)
		w.Headline = strings.ReplaceAll(w.Headline, w.Bad.Node+": "+strings.ToLower(w.Bad.Node)+" ", w.Bad.Node+" ")
	}
	for _, links := range [][]Link{w.Chain, w.Causes} {
		for i := range links {
			links[i].Words = n.naming(links[i].Words)
		}
	}
	for i := range w.Beliefs {
		w.Beliefs[i].Model = n.naming(w.Beliefs[i].Model)
	}
	w.Headline = quorumWords(w.Headline)
	w.Allowed = n.sentences(w.Allowed)
}

// mostSentences is how many sentences say what was allowed.
const mostSentences = 4

// A form is a line of what a model allowed: what it looks like, what it says, and how much that tells; of those that tell as much the first one
// comes first.
type form struct {
	looks *regexp.Regexp
	says  func(part []string) string
	tells int
}

func simply(format string) func([]string) string {
	return func(part []string) string {
		args := make([]any, len(part)-1)
		for i, p := range part[1:] {
			args[i] = p
		}
		return fmt.Sprintf(format, args...)
	}
}

// writerIn is what a model has of a writer.
var writerIn = regexp.MustCompile(`^epoch (\d+) is (\w+)(?:: log to (\d+), kept (\d+), VCL (\d+), VDL (\d+)(.*))?$`)

// forms are those of the validator (package conform). What looks like none of them is said as it is.
var forms = []form{
	{regexp.MustCompile(`^no Open(?:; (.*))?$`), func(p []string) string {
		if p[1] == "" {
			return "It may not serve yet."
		}
		return "It may not serve yet: " + quorumWords(p[1]) + "."
	}, 4},
	{regexp.MustCompile(`^(?:no cut, for|no Decide:) (.*)$`), simply("It may not cut the log yet, for %s."), 4},
	{regexp.MustCompile(`^the query reads as of (\d+)$`), simply("The query reads as of LSN %s."), 4},
	{regexp.MustCompile(`^page (\d+) is of LSN (\d+) there and of (\d+) in view$`), simply("As of that point the newest change of page %s is that of LSN %s; at the reader's newest view it is that of LSN %s."), 4},
	{regexp.MustCompile(`^by then (.*)$`), func(p []string) string { return capital(quorumWords(p[1])) + "." }, 4},
	{regexp.MustCompile(`^Store of (.*)$`), simply("It may say of these records that they are on its disk: %s."), 3},
	{regexp.MustCompile(`^Fence by epoch (.*)$`), simply("It may promise epoch %s."), 3},
	{regexp.MustCompile(`^Join of epoch (.*)$`), simply("It may join epoch %s."), 3},
	{regexp.MustCompile(`^Decide by all answers: cut (\d+) on the line of epoch (\d+)$`), simply("By all answers that it has it may cut the log behind LSN %s, on the line of epoch %s."), 4},
	{regexp.MustCompile(`^Open$`), simply("It may begin to serve."), 3},
	{regexp.MustCompile(`^Commit of (.*)$`), simply("It may give a commit its LSN, of transaction %s."), 2},
	{regexp.MustCompile(`^Undo of (.*)$`), simply("It may take back a change of transaction %s."), 2},
	{regexp.MustCompile(`^Ack of (.*)$`), simply("It may acknowledge transaction %s."), 3},
	{regexp.MustCompile(`^Advance to (\d+)$`), simply("It may count everything up to LSN %s as complete (VCL), and nothing above."), 2},
	{regexp.MustCompile(`^Start of epoch (\d+)$`), simply("The next epoch that a writer may be given is %s."), 3},
	{regexp.MustCompile(`^answers: (.*)$`), func(p []string) string { return "These have answered: " + strings.ReplaceAll(p[1], "; ", ", ") + "." }, 3},
	{regexp.MustCompile(`^((?:segment|node) \S+): promise (\d+), line (\d+), SCL (\d+), holds (.*)$`), func(p []string) string {
		return fmt.Sprintf("%s has promised epoch %s, follows the log of epoch %s and has everything up to LSN %s (SCL); it holds %s.", capital(p[1]), p[2], p[3], p[4], p[5])
	}, 3},
	{regexp.MustCompile(`^(reader \d+) follows epoch (\d+), on (\w+), held (\w+), got 1\.\.(\d+), told (\d+), view (\d+), last (\d+)((?:, snap \d+)*), VDL (\d+) there$`), func(p []string) string {
		s := fmt.Sprintf("%s follows the writer of epoch %s, has its log up to LSN %s, knows that it is durable up to LSN %s, and shows new queries the state as of LSN %s", capital(p[1]), p[2], p[5], p[6], p[7])
		if snaps := strings.ReplaceAll(strings.TrimPrefix(p[9], ", snap "), ", snap ", ", "); snaps != "" {
			s += "; its queries read as of LSN " + snaps
		}
		return s + "."
	}, 3},
	{writerIn, func(p []string) string {
		s := fmt.Sprintf("The writer of epoch %s %s", p[1], cmp.Or(phases[p[2]], "is "+p[2]))
		if p[3] == "" {
			return s + "."
		}
		s += fmt.Sprintf("; its log ends at LSN %s", p[3])
		if p[4] != "0" {
			s += fmt.Sprintf(", of which it took over all up to %s", p[4])
		}
		return s + fmt.Sprintf(", complete up to %s (VCL) and durable up to %s (VDL)%s.", p[5], p[6], p[7])
	}, 2},
	{regexp.MustCompile(`^floor (\d+)$`), simply("Segments may drop what lies below LSN %s, the floor, and nothing above."), 1},
}

// phases says what the writer of an epoch is doing, by the model's name for it.
var phases = map[string]string{"unborn": "has not begun", "fencing": "asks segments for their promises", "repairing": "repairs the log, and does not serve yet", "open": "serves"}

// farIn is how far the segments of a group are.
var (
	farIn    = regexp.MustCompile(`(?:group (\d+) needs (\d+)|LSN (\d+) is in group (\d+)), complete: (.*?) \(write quorum (\d+)([^)]*)\)`)
	memberIn = regexp.MustCompile(` at (\d+)`)
	setIn    = regexp.MustCompile(`\{([\d ]+)\}`)
)

// quorumWords says how far the segments of a group are, and how many have to be.
func quorumWords(s string) string {
	return farIn.ReplaceAllStringFunc(s, func(s string) string {
		p := farIn.FindStringSubmatch(s)
		group, lsn := p[1]+p[4], p[2]+p[3]
		has := memberIn.ReplaceAllString(p[5], " up to LSN $1")
		if has == "nobody" {
			has = "no segment has said how far it is"
		} else {
			has = "complete is " + has
		}
		of := setIn.ReplaceAllStringFunc(p[7], func(s string) string {
			return "segments " + strings.ReplaceAll(strings.Trim(s, "{}"), " ", ", ")
		})
		return fmt.Sprintf("of group %s everything up to LSN %s has to be on a write quorum of %s%s, and %s", group, lsn, p[6], of, has)
	})
}

// sentences says lines of what a model allowed: no line twice, those that tell most, in their order.
func (n names) sentences(lines []string) []string {
	type said struct {
		place, tells int
		text         string
	}
	var all []said
	vcl := ""
	for i, line := range lines {
		line = n.naming(strings.TrimSpace(line))
		if p := writerIn.FindStringSubmatch(line); p != nil {
			vcl = p[5]
		}
		if line == "" || slices.ContainsFunc(lines[:i], func(other string) bool { return strings.Contains(other, strings.TrimPrefix(line, "by then ")) }) {
			continue
		}
		x := said{i, 3, line}
		for _, f := range forms {
			if p := f.looks.FindStringSubmatch(line); p != nil {
				x.tells, x.text = f.tells, f.says(p)
				if strings.HasPrefix(line, "Advance to ") && p[1] == vcl {
					x.text, x.tells = fmt.Sprintf("It may not count more as complete than up to LSN %s (VCL).", vcl), 1
				}
				break
			}
		}
		if strings.HasPrefix(x.text, `"`) {
			x.text = "To find " + x.text + "."
		}
		all = append(all, x)
	}
	slices.SortStableFunc(all, func(a, b said) int { return cmp.Compare(b.tells, a.tells) })
	all = all[:min(len(all), mostSentences)]
	slices.SortFunc(all, func(a, b said) int { return cmp.Compare(a.place, b.place) })
	var texts []string
	for _, x := range all {
		texts = append(texts, x.text)
	}
	return texts
}

// capital has a text begin with a capital, where it begins with a small letter.
func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
