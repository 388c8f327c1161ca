package volume

import (
	"testing"
)

func named(t testing.TB, name string) NamedWorld {
	t.Helper()
	worlds, err := Worlds()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range worlds {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("no world is named %s", name)
	return NamedWorld{}
}
