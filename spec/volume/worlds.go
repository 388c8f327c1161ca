package volume

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/tla"
)

// A NamedWorld is a world that TLC has searched to the end, with what it found.
type NamedWorld struct {
	Name      string
	World     World
	Distinct  uint64 // states
	Generated uint64 // states, the initial one included

	unchecked bool // TLC was given no invariants, and so went past every violation
}

// A BrokenVariant is a world with one guard broken in which TLC found a violation.
type BrokenVariant struct {
	World    World
	Violates string // the invariant that TLC named; where several fail at the same depth another may be named
}

// Worlds returns the named worlds (spec/tla/worlds.tsv).
func Worlds() ([]NamedWorld, error) { return worldsOf(tla.Worlds) }

// worldsOf reads a table of worlds that TLC has searched.
func worldsOf(tsv string) ([]NamedWorld, error) {
	var list []NamedWorld
	err := eachRow(tsv, func(row map[string]string) error {
		w, err := worldRow(row)
		switch row["verdict"] {
		case "pass":
		case "unchecked":
			w.unchecked = true
		default:
			return fmt.Errorf("world %s: verdict is %q; expected pass or unchecked", w.Name, row["verdict"])
		}
		list = append(list, w)
		return err
	})
	return list, err
}

// worldRow reads the name, the world and TLC's figures of a row.
func worldRow(row map[string]string) (NamedWorld, error) {
	w := NamedWorld{Name: row["name"]}
	if err := json.Unmarshal([]byte(row["distinct"]), &w.Distinct); err != nil {
		return w, fmt.Errorf("world %s: distinct: %w", w.Name, err)
	}
	if err := json.Unmarshal([]byte(row["generated"]), &w.Generated); err != nil {
		return w, fmt.Errorf("world %s: generated: %w", w.Name, err)
	}
	var err error
	w.World, err = worldOf(row)
	return w, err
}

// BrokenVariants returns the broken variants of Volume.tla (spec/tla/bugs.tsv).
func BrokenVariants() ([]BrokenVariant, error) { return variantsOf(tla.Bugs) }

// AckVariants returns the broken variants of VolumeAcks.tla (spec/tla/bugs-acks.tsv).
func AckVariants() ([]BrokenVariant, error) { return variantsOf(tla.AckBugs) }

// TraceVariants returns the broken variants of VolumeTrace.tla (spec/tla/bugs-trace.tsv).
func TraceVariants() ([]BrokenVariant, error) { return variantsOf(tla.TraceBugs) }

// variantsOf reads a table of worlds in which TLC found a violation.
func variantsOf(tsv string) ([]BrokenVariant, error) {
	var list []BrokenVariant
	err := eachRow(tsv, func(row map[string]string) error {
		w, err := worldOf(row)
		list = append(list, BrokenVariant{w, row["violates"]})
		return err
	})
	return list, err
}

// eachRow calls do with each line of a table whose first line names the columns.
func eachRow(tsv string, do func(map[string]string) error) error {
	lines := strings.Split(strings.TrimSpace(tsv), "\n")
	names := strings.Split(lines[0], "\t")
	for i, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(names) {
			return fmt.Errorf("line %d has %d columns; expected %d", i+2, len(cells), len(names))
		}
		row := make(map[string]string, len(names))
		for c, name := range names {
			row[name] = cells[c]
		}
		if err := do(row); err != nil {
			return fmt.Errorf("line %d: %w", i+2, err)
		}
	}
	return nil
}

// worldOf reads the columns of a row that are keys of a world.
func worldOf(row map[string]string) (World, error) {
	var fields []string
	for _, key := range worldKeys() {
		switch value, ok := row[key]; {
		case !ok || value == "":
		case key == "bug":
			fields = append(fields, fmt.Sprintf("%q:%q", key, value))
		default:
			fields = append(fields, fmt.Sprintf("%q:%s", key, value))
		}
	}
	return ParseWorld([]byte("{" + strings.Join(fields, ",") + "}"))
}

// worldKeys returns the keys of a world file.
func worldKeys() []string {
	return []string{"groups", "replicas", "writeQuorum", "readQuorum", "keys", "txns", "maxLSN", "maxEpoch",
		"aborts", "mtr", "bug", "symmetry", "rewrites", "answers", "structures", "moves", "savepoints", "members", "spares", "grows", "inUse", "tails", "recordAcks", "lal", "homeOf", "up"}
}

// A WorldFileError says what is wrong with the text of a world.
type WorldFileError struct{ Problem string }

func (e *WorldFileError) Error() string { return "world file: " + e.Problem }

// ParseWorld reads a world from JSON. Keys that are left out are zero or false, which Validate refuses where
// it means nothing; a key that is not known is refused here.
func ParseWorld(text []byte) (World, error) {
	var w World
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return w, &WorldFileError{"not a JSON object: " + err.Error()}
	}
	if keys == nil {
		return w, &WorldFileError{"not a JSON object: null"}
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&w); err != nil {
		return w, &WorldFileError{fmt.Sprintf("%s; known keys: %s", strings.TrimPrefix(err.Error(), "json: "), strings.Join(worldKeys(), ", "))}
	}
	return w, nil
}
