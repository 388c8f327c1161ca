package raft

import (
	"fmt"
	"strings"

	"github.com/firstgap/firstgap/spec/check"
)

// read makes the model of a world that is given as JSON.
func read(text []byte) (check.Model, error) {
	w, err := parse(text)
	if err != nil {
		return nil, err
	}
	return New(w)
}

func parse(text []byte) (World, error) {
	return check.ParseWorld(text, func(w *World) *string { return &w.Bug })
}

// config returns the configuration by which TLC checks Raft.tla in the same world.
func config(text []byte) (string, error) {
	w, err := parse(text)
	if err != nil {
		return "", err
	}
	b := strings.NewReplacer("true", "TRUE", "false", "FALSE")
	var names []string
	for _, x := range invariants() {
		names = append(names, x.Name)
	}
	symmetry := ""
	if w.Symmetry {
		symmetry = "SYMMETRY Symmetry\n"
	}
	var servers []string
	constants := ""
	for i := range w.Servers {
		name := fmt.Sprintf("s%d", i+1)
		servers = append(servers, name)
		constants += fmt.Sprintf(" %s = %s\n", name, name)
	}
	first := "Nil"
	if w.Leader {
		first = servers[0]
	}
	return "SPECIFICATION Spec\nCONSTANTS\n Nil = Nil\n" + constants + b.Replace(fmt.Sprintf(" Server = {%s}\n Member = {%s}\n First = %s\n MaxTerm = %d\n"+
		" MaxLog = %d\n Requests = %d\n MaxMessages = %d\n Batch = %d\n Changes = %d\n Restarts = %d\n Joint = %t\n Learners = %t\n HasReady = %t\n"+
		" Loss = %t\n Duplicates = %t\n Heartbeats = %t\n Snapshots = %t\n StepDown = %t\n Bug = %q\n",
		strings.Join(servers, ", "), strings.Join(servers[:w.Members], ", "), first, w.MaxTerm, w.MaxLog, w.Requests, w.MaxMessages, w.Batch, w.Changes,
		w.Restarts, w.Joint, w.Learners, w.Ready, w.Loss, w.Duplicates, w.Heartbeats, w.Snapshots, w.StepDown, w.Bug)) + symmetry +
		"INVARIANTS " + strings.Join(names, " ") + "\nCHECK_DEADLOCK FALSE\n", nil
}
