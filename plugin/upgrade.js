'use strict';

exports.upgradeOptions = require('./dist/src/websocket/upgrade.js').upgradeOptions;
