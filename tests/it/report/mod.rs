//! The reports: what a person, a pipeline and a machine read.

mod events;
mod failures;
mod json;
mod junit;
mod pipelines;
mod readers;
mod report_files;
mod reproduce;
mod screens;
mod trace;
mod unread;
