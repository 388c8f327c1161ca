// Package filelock takes a file for one process, so that no second one works on the same folder.
//
// Use package atomic instead when a reader is not to see half of a file that is written.
package filelock
