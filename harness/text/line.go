package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ellipsis stands where text was cut off.
const ellipsis = "…"

// widthOf counts the characters that s takes on a screen, each as one.
func widthOf(s string) int { return utf8.RuneCountInString(s) }

// Short returns the first line of s, cut with … where it has more than so many characters. It is cut between two characters
// and before a number, because the front of one would look like a number of its own.
func Short(s string, most int) string {
	s, _, _ = strings.Cut(s, "\n")
	if widthOf(s) <= most {
		return s
	}
	runes := []rune(s)
	cut := max(most-1, 0)
	for isInNumber(runes, cut) {
		cut--
	}
	return strings.TrimRight(string(runes[:cut]), " ") + ellipsis
}

// isInNumber says whether a cut before the rune at that place would part the digits of a number.
func isInNumber(s []rune, at int) bool {
	if at <= 0 || at >= len(s) {
		return false
	}
	inner := func(r rune) bool { return unicode.IsDigit(r) || r == '.' || r == ',' }
	if !inner(s[at-1]) || !inner(s[at]) {
		return false
	}
	return unicode.IsDigit(s[at-1]) || unicode.IsDigit(s[at])
}

// pieces splits text where a line of it may end: behind the spaces between words, and behind a hyphen between letters.
func pieces(s string) []string {
	var list []string
	runes := []rune(s)
	begin := 0
	for i := 1; i < len(runes); i++ {
		afterSpace := runes[i-1] == ' ' && runes[i] != ' '
		afterHyphen := runes[i-1] == '-' && unicode.IsLetter(runes[i]) && i > 1 && unicode.IsLetter(runes[i-2])
		if afterSpace || afterHyphen {
			list = append(list, string(runes[begin:i]))
			begin = i
		}
	}
	return append(list, string(runes[begin:]))
}

// longest returns the width of the longest piece of text that must stay on one line.
func longest(s string) int {
	most := 0
	for line := range strings.SplitSeq(s, "\n") {
		for _, p := range pieces(line) {
			most = max(most, widthOf(strings.TrimRight(p, " ")))
		}
	}
	return most
}

// wrap breaks text into lines of at most so many characters. A word that is longer is shortened, unless it has a digit.
func wrap(s string, width int) []string {
	const least = 8 // less than that is no place to read in
	width = max(width, least)
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, wrapLine(line, width)...)
	}
	return lines
}

func wrapLine(s string, width int) []string {
	var lines []string
	line := ""
	for _, p := range pieces(s) {
		word := strings.TrimRight(p, " ")
		if line != "" && widthOf(line)+widthOf(word) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		if line == "" && widthOf(word) > width && !strings.ContainsFunc(word, unicode.IsDigit) {
			p = Short(word, width) + p[len(word):]
		}
		line += p
	}
	return append(lines, strings.TrimRight(line, " "))
}

// Fold breaks the lines of text that are longer than the width. What comes after the break begins under what stands behind
// the first gap of two spaces or more, such as the one between a name and its value, or else two steps in from the line.
// A width of 0 is no limit.
func Fold(s string, width int) string {
	if width <= 0 {
		return s
	}
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, end := strings.CutSuffix(line, "\n")
		if widthOf(line) <= width {
			b.WriteString(line)
		} else {
			hang := hangOf(line, width)
			runes := []rune(line)
			b.WriteString(string(runes[:hang]))
			for i, l := range wrapLine(string(runes[hang:]), width-hang) {
				if i > 0 {
					b.WriteString("\n" + strings.Repeat(" ", hang))
				}
				b.WriteString(l)
			}
		}
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// hangOf returns how far in the continuation of a line begins: at most half of the width.
func hangOf(line string, width int) int {
	runes := []rune(line)
	indent := 0
	for indent < len(runes) && runes[indent] == ' ' {
		indent++
	}
	for i := indent; i+2 < len(runes) && i < width/2; i++ {
		if runes[i] == ' ' && runes[i+1] == ' ' {
			for i < len(runes) && runes[i] == ' ' {
				i++
			}
			if i <= width/2 {
				return i
			}
			break
		}
	}
	return min(indent, width/2)
}
