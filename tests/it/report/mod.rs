//! The reports, for people, pipelines and machines.

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
